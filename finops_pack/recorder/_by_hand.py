"""What a user says of a call by hand: what cannot be read is named, and costs only itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from finops_pack.ledger._names import tool_facts
from finops_pack.model import TOKEN_FIELDS, Call, Usage
from finops_pack.money import usd_of
from finops_pack.recorder._guard import warn_once
from finops_pack.recorder._price import PRICED_BY

_FIELDS = {field.name for field in fields(Call)}
_PLAIN = _FIELDS | {"messages", "response", "tools"}
_FIRST_US, _LAST_US = 10**14, 10**17  # from 1973 on, which tells them from seconds and from ns
_MEND = "the fields are those of finops_pack.model.Call, e.g. start_us, action, tags"


def readable(told: dict[str, Any]) -> dict[str, Any]:
    """The fields that a call has; `context` is what `price` takes by that name."""
    if told.keys() <= _PLAIN:
        return _sound(told)
    kept = {name: value for name, value in told.items() if name in _PLAIN}
    for name in sorted(set(told) - _PLAIN - {"context", "billed_usd"}):
        near = get_close_matches(name, _FIELDS, n=1)
        mend = f"did you mean {near[0]}?" if near else _MEND
        warn_once(f"record(): a call has no field {name!r}, it is left out; {mend}")
    context = told.get("context")
    if isinstance(context, Mapping):
        kept.update(_context(context))
    elif context is not None:
        warn_once(f"record(): context must map words to words, got a {type(context).__name__}")
    if told.get("billed_usd") is not None:
        kept["billed_usd"] = _billed(told["billed_usd"])
    return _sound(kept)


def _sound(kept: dict[str, Any]) -> dict[str, Any]:
    """Without what would cost the whole call, or keep a text of it."""
    if kept.get("start_us") is not None:
        kept["start_us"] = _start(kept["start_us"])
    if not isinstance(kept.get("tags") or {}, Mapping):
        said = type(kept["tags"]).__name__
        warn_once(f"record(): tags must map words to words, got a {said}")
        kept["tags"] = None
    if isinstance(kept.get("error_type"), BaseException):  # whose words may repeat the prompt
        kept["error_type"] = type(kept["error_type"]).__name__
    if kept.get("tool_results") is not None:
        kept["tool_results"] = _results(kept["tool_results"])
    return kept


def _results(told: Any) -> list[dict[str, Any]]:
    """Before they are written anywhere: a spool holds no text of a tool either."""
    if isinstance(told, list | tuple) and all(isinstance(one, Mapping) for one in told):
        return tool_facts(told)
    warn_once(f"record(): tool_results must be a list of mappings, got a {type(told).__name__}")
    return []


def _start(told: Any) -> int | None:
    """Unix microseconds; a datetime is taken, too, and is in UTC where it does not say."""
    if isinstance(told, datetime):
        told = (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp() * 1e6
    try:
        moment = round(told) if isinstance(told, float) else int(told)
    except (TypeError, ValueError, OverflowError):
        moment = 0
    if _FIRST_US <= moment < _LAST_US:
        return moment
    warn_once(f"record(): start_us must be Unix microseconds, got {str(told)[:40]!r}; it is now")
    return None


def counts(usage: Any) -> Usage | None:
    """The usage; a mapping of its fields is taken, too."""
    if usage is None or isinstance(usage, Usage):
        return usage
    if isinstance(usage, Mapping) and set(usage) <= {*TOKEN_FIELDS, "extra"}:
        return Usage(**usage)
    warn_once(f"record(): usage must be a finops_pack.Usage, got {type(usage).__name__}")
    return None


def _context(context: Mapping[str, Any]) -> dict[str, Any]:
    """What a call cannot name otherwise is its tier: unknown to the rates, it is unpriced."""
    return {name if name in PRICED_BY else "service_tier": v for name, v in context.items()}


def _billed(usd: Any) -> Any:
    try:
        return usd_of(usd)
    except ValueError as error:
        warn_once(f"record(): billed_usd: {error}; the call is booked at our own price")
        return None
