"""Normalised usage in, priced rows out: what every adapter, importer and the user records with.

    call = recorder.get().begin(model="gpt-4o", provider="openai", messages=messages)
    call.finish(Usage(input_tokens=9, output_tokens=2), response="Hello")

Nothing here raises into the host but `BudgetExceeded` and `BudgetStop`, from `begin`.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from finops_pack import config, context, forks
from finops_pack.budgets import parse
from finops_pack.errors import ConfigError, FinOpsError
from finops_pack.ledger import load, spool
from finops_pack.model import Usage
from finops_pack.rates import bills
from finops_pack.recorder import _by_hand
from finops_pack.recorder._core import Recorder
from finops_pack.recorder._guard import guard, warn_once
from finops_pack.recorder._named import context_source
from finops_pack.recorder._null import NullRecorder
from finops_pack.recorder._pending import Pending
from finops_pack.recorder._serverless import serverless

__all__ = [
    "NullRecorder",
    "Pending",
    "Recorder",
    "bills",
    "close",
    "configure",
    "context_source",
    "disabled",
    "flush",
    "get",
    "guard",
    "pause",
    "record",
    "serverless",
    "warn_once",
]

_recorder: Recorder | None = None
_lock = threading.RLock()


def get() -> Recorder:
    """This process's recorder, made from the settings on first use; never raises."""
    return _recorder or _make()


def _make() -> Recorder:
    global _recorder
    with _lock:
        if _recorder is None:
            settings = _settings()
            try:
                _recorder = _made(settings, "soft")
            except Exception as error:  # noqa: BLE001 - the agent goes on, untracked
                warn_once(f"nothing is tracked ({type(error).__name__})", error)
                _recorder = NullRecorder(settings)
        return _recorder


def _made(settings: config.Config, stop: str) -> Recorder:
    """A recorder; without those of its settings' budgets that cannot be read."""
    if settings.disable:
        return NullRecorder(settings, stop=stop)
    try:
        return Recorder(settings, stop=stop)
    except FinOpsError:
        return Recorder(replace(settings, budget=_readable(settings)), stop=stop)


def _readable(settings: config.Config) -> tuple[str, ...]:
    """Budgets that can be read: a mistake in one lifts none of the others."""
    kept = []
    for spec in settings.budget:
        try:
            parse(spec, settings.sources.get("budget", "budget"))
            kept.append(spec)
        except FinOpsError as error:
            warn_once(f"the budget is not in force: {error}. Mend: {error.mend}")
    return tuple(kept)


def disabled() -> bool:
    """Whether `FINOPS_DISABLE=1` (or the same in a settings file) holds."""
    return _settings().disable


def _settings() -> config.Config:
    try:
        return config.load()
    except ConfigError as error:
        warn_once(f"a setting is not in force, those that can be read are: {error}")
        return config.in_force()


def configure(*, stop: str = "soft", **arguments: Any) -> Recorder:
    """Apply the arguments of `track()` over the settings; again with the same: no change.

    Whoever reads the settings in this process sees them too. Raises `ConfigError` for an
    argument that cannot be read; then none is in force.
    """
    with _lock:
        config.say(**arguments)
        settings = _settings()
        held = _recorder
        if held is None or held.settings != settings or held.stop != stop:
            _leave(0.5)
            try:
                _refuse_mistakes(arguments.get("budget") or ())
                _put(_made(settings, stop))
                _import_ahead(settings)
            except FinOpsError:
                config.say()
                raise
        return get()


def _import_ahead(settings: config.Config) -> None:
    """What asks a server takes a while to import; the first call may be in an event loop."""
    if not settings.disable and config.file_of(settings.ledger) is None:
        with suppress(Exception):  # whoever needs it fails for the same cause, and says so
            load(settings.ledger)


def _refuse_mistakes(budgets: Iterable[str]) -> None:
    """The author of an argument hears of a mistake in it."""
    for spec in budgets:
        parse(spec)


def pause(timeout: float) -> None:
    """Drain within `timeout` seconds, and record nothing more until `configure`."""
    with _lock:
        _leave(timeout)
        _put(NullRecorder(replace(_settings(), disable=True)))


def record(*, model: str, usage: Usage, provider: str | None = None, **fields: Any) -> str:
    """Book one finished call by hand; its id. `fields` are any fields of a call.

    `action`, `agent`, `task`, `session`, `project`, `tags`, `start_us`, `duration_ms`, `status`
    and so on, as in `finops_pack.model.Call`; what `task()`, `action()` and `tags()` say wins.
    `context` is what `price` takes, `billed_usd` what the provider charged. What cannot be read
    is named once in a warning and left out.
    """
    said = _by_hand.readable(fields)
    return get().record(model=model, usage=_by_hand.counts(usage), provider=provider, **said)


def flush(timeout: float = 2.0) -> bool:
    """True when all that was recorded is in the ledger; waits at most `timeout` seconds."""
    return get().flush(timeout)


def close(timeout: float = 0.5) -> None:
    """Give everything back; the next `get()` starts anew from the settings."""
    _leave(timeout)
    config.say()


def _put(made: Recorder) -> None:
    global _recorder
    _recorder = made


def _leave(timeout: float) -> None:
    global _recorder
    with _lock:
        held, _recorder = _recorder, None
    if held is not None:
        held.close(timeout)


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()
    if _recorder is not None:
        _recorder.after_fork()


def _write(line: dict[str, Any]) -> None:
    get().write(line)


def _settle(timeout: float) -> None:
    """Who asks in the agent's own process is told of its last call's prompt as well."""
    if _recorder is not None:
        _recorder.settle(timeout)


context.set_sink(_write)
spool.before_reading.append(_settle)
atexit.register(close)
forks.come_first()
os.register_at_fork(after_in_child=_after_fork)
