"""Each setting and where it came from; which `finops` the shell finds."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from finops_pack import config
from finops_pack.budgets import parse, thresholds
from finops_pack.errors import FinOpsError
from finops_pack.health import Check, fault, note, ok
from finops_pack.ledger import normalise
from finops_pack.query import currency
from finops_pack.query.period import zone_of
from finops_pack.report import keys

SECRET = ("api_key", "hash_key", "webhooks")
URLS = ("api_url", "rates_url")
CHOICES = {"durability": ("normal", "full"), "on_unreachable": ("refuse", "allow")}
_VARIABLES = (*config.VARIABLES, "FINOPS_SERVER_DB")


def checks(ledger_url: str | None) -> Iterator[Check]:
    """Settings, weakest first resolved; then the command on PATH."""
    yield from _variables()
    yield from _commands()
    settings = config.load()  # raises what `examine` reports, after what can be said without it
    for name, value in _values(settings).items():
        source = settings.sources.get(name, "default")
        if name == "ledger" and ledger_url:
            value, source = ledger_url, "--ledger"
        if name == "api_url" and source == "default":
            value, source = _connected(str(value))
        yield _setting(name, value, source)
        if name in ("ledger", "api_url") and _in_the_clear(str(value)):
            yield note(name, "plain http: everybody on the way can read the key", "use https")
    for name, value in settings.untrusted.items():
        told = _shown(name, value) if name in SECRET else repr(_bare(value))
        text = f"{told} of the project's finops.toml is not used: it redirects money or data"
        yield note(name, text, "if it is yours: finops connect --trust-project")
    if settings.disable:
        yield note("disable", "nothing is recorded in this shell", "unset FINOPS_DISABLE")


def _connected(default: str) -> tuple[str, str]:
    """Where reports go without a setting: the URL connected last, the ledger's, the default."""
    try:
        found = keys.target()
    except FinOpsError:
        return default, "default"  # said by the part that looks at delivery
    named = "the ledger's server" if found.source == "FINOPS_API_KEY" else "finops connect"
    return found.url, "default" if found.url == default else named


def _in_the_clear(url: str) -> bool:
    from finops_pack.report.tls import is_loopback

    try:
        return url.startswith("http:") and not is_loopback(url)
    except ValueError:  # no URL at all, which is told where it is used
        return False


def _values(settings: config.Config) -> dict[str, Any]:
    hidden = ("sources", "untrusted")
    return {f.name: getattr(settings, f.name) for f in fields(settings) if f.name not in hidden}


def _setting(name: str, value: Any, source: str) -> Check:
    wrong = _wrong(name, value, source)
    return fault(name, *wrong) if wrong else ok(name, f"{_shown(name, value)}  [{source}]")


def _shown(name: str, value: Any) -> str:
    if not value:
        return "not set" if value is not False else "no"
    if name in SECRET:
        return "set (not shown)"
    if name == "ledger":
        return normalise(str(value))
    if name in URLS:
        return config.bare(str(value))
    if isinstance(value, tuple):
        return "; ".join(map(str, value))
    if name == "tags":
        return ", ".join(f"{k}={v}" for k, v in value.items())
    return "yes" if value is True else str(value)


def _bare(value: Any) -> Any:
    return config.bare(value) if isinstance(value, str) else value


def _wrong(name: str, value: Any, source: str) -> tuple[str, str | None] | None:
    """(what is wrong, mend) of a value that was read but cannot be used."""
    if name in CHOICES and value not in CHOICES[name]:
        return f"{value!r} [{source}] is no choice", f"one of: {', '.join(CHOICES[name])}"
    try:
        if name == "tz":
            zone_of(value)
        if name == "ledger":
            normalise(str(value))
        for spec in value if name == "budget" else ():
            parse(spec, source)
        if name == "thresholds":
            thresholds(value)
        if name == "currency" and value:
            currency.parse(value)
    except FinOpsError as error:
        return f"{error} [{source}]", error.mend
    return None


def _variables() -> Iterator[Check]:
    """Variables that look like one of ours and are read by nobody."""
    for name in sorted(os.environ):
        if name.startswith("FINOPS") and name not in _VARIABLES:
            near = difflib.get_close_matches(name, _VARIABLES, n=1, cutoff=0.8)
            if near:
                yield note(name, "nobody reads this variable", f"did you mean {near[0]}?")


def _commands() -> Iterator[Check]:
    """Another package on PyPI installs a `finops` too."""
    named = [os.path.join(folder, "finops") for folder in os.get_exec_path()]
    found = [Path(path) for path in named if os.path.isfile(path)]  # a Path raises for root's
    if not found:
        yield note("command", "no finops on PATH", "call it as: python -m finops_pack")
    elif _ours(found[0]):
        yield ok("command", str(found[0]))
    else:
        text = f"{found[0]} comes first on PATH and belongs to another package"
        yield fault("command", text, "call ours as: finops-pack, or python -m finops_pack")


def _ours(path: Path) -> bool:
    try:
        return b"finops_pack" in path.read_bytes()[:4096]
    except OSError:
        return False
