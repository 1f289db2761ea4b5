"""Lines into rows of `calls`, and how two tellings of one call become one: pure functions.

A clean row maps columns to what SQL stores; what is absent has its default. Nothing that a
line holds may crash the books: what does not fit is left out and named in `problems`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, get_args

from finops_pack.ledger._json import canonical
from finops_pack.ledger._names import MAX_TEXT, tool_facts
from finops_pack.ledger._schema import COLUMNS, DEFAULTS, KINDS
from finops_pack.model import MAX_COUNT, TOKEN_FIELDS, BillingMode
from finops_pack.model.usage import numbers, said
from finops_pack.money import PICO_MAX

Row = dict[str, Any]

LAST_US = 253_000_000_000_000_000  # in the year 9987: calendars end soon after
_MONEY = ("cost_pico", "billed_pico")  # never negative: that would give a budget back its money
_TIMES = ("start_us", "booked_us", "corrected_us")
_LIMITS = {
    **{name: MAX_COUNT for name, kind in KINDS.items() if kind == "int"},
    **dict.fromkeys(_MONEY, PICO_MAX),
    **dict.fromkeys(_TIMES, LAST_US),
}
_TEXTS = frozenset(name for name, kind in KINDS.items() if kind == "text")
_BILLING = frozenset(get_args(BillingMode))
_SPOILS_PRICE = frozenset((*TOKEN_FIELDS, "cost_pico"))

PRICED_BY = (
    *TOKEN_FIELDS, "extra", "model", "served_model", "provider", "start_us", "service_tier",
    "region", "processing",
)  # fmt: skip
COST = ("cost_pico", "cost_state", "rate_id", "missing")
COUNTERS = (*TOKEN_FIELDS, "attempts", "lost_ms")
_USAGE = (*TOKEN_FIELDS, "extra", "usage_basis", "usage_method", "problems")
_FIXED = ("id", "source", "booked_us", "corrected_us")
_OPEN = {
    "billing_mode": "unknown", "status": "unknown", "model": "", "usage_basis": "unknown",
    "action": "answer",  # of a call that asked for no tool yet, as importers tell it
}  # fmt: skip


def clean(line: Mapping[str, Any]) -> Row:
    """A `call` line as a clean row; raises `ValueError` without an id or a time."""
    row = fields_of(line)
    if "id" not in row:
        raise ValueError("id: missing")
    if row.get("start_us", -1) < 0:
        raise ValueError(f"start_us: not a time: {line.get('start_us')!r}")
    row.setdefault("source", "live")
    if "cost_pico" in row:
        row.setdefault("cost_state", "priced")
    return row


def fields_of(line: Mapping[str, Any]) -> Row:
    """The columns that a line sets, checked; what cannot be stored stands in `problems`."""
    row: Row = {}
    faults: list[str] = []
    for name, value in line.items():
        if type(value) is str:
            plain = name in _TEXTS and 0 < len(value) <= MAX_TEXT
        else:
            limit = _LIMITS.get(name, -1)
            least = 0 if name in _MONEY else -limit
            plain = type(value) is int and least <= value <= limit
        if plain:
            row[name] = value
        elif value is not None and name in KINDS:
            _convert(row, name, value, faults)
    if row.get("billing_mode", "unknown") not in _BILLING:  # else no sum would hold the call
        faults.append(_unfit("billing_mode", str(row.pop("billing_mode"))[:60]))
    if faults:
        _flag(row, faults)
    return row


def _unfit(name: str, what: str) -> str:
    return f"{name}: cannot be booked: {what}"


def _convert(row: Row, name: str, value: Any, faults: list[str]) -> None:
    """What is not of the plain type of its column."""
    if KINDS[name] == "json":
        if not _SHAPES[name](value):
            faults.append(_unfit(name, said(value)))
        elif value:
            row[name] = canonical(_KEPT[name](value) if name in _KEPT else value)
    elif KINDS[name] == "text":
        if str(value):
            row[name] = str(value)[:MAX_TEXT]
    else:
        _misfit(row, name, value, faults)


def _misfit(row: Row, name: str, value: Any, faults: list[str]) -> None:
    least = 0 if name in _MONEY else -_LIMITS[name]
    if isinstance(value, float) and value.is_integer() and least <= value <= _LIMITS[name]:
        row[name] = int(value)
    elif name not in _TIMES:
        faults.append(_unfit(name, said(value)))


def _object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def _objects(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(map(_object, value))


_SHAPES: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("tags", "extra"), _object),
    **dict.fromkeys(("problems", "missing", "prefix_hashes"), _texts),
    **dict.fromkeys(("tool_calls", "tool_results"), _objects),
}


def _tags(told: Mapping[Any, Any]) -> dict[str, str]:
    """Texts alone, without NUL: SQL reads no other value as the rollups count it."""
    named = ((str(key), str(value)) for key, value in told.items() if value is not None)
    return {key.replace("\0", ""): value.replace("\0", "") for key, value in named}


_KEPT: Mapping[str, Callable[[Any], Any]] = {
    "tags": _tags,
    "extra": numbers,
    **dict.fromkeys(("tool_calls", "tool_results"), tool_facts),
}


def _flag(row: Row, faults: list[str]) -> None:
    held = json.loads(row["problems"]) if "problems" in row else []
    row["problems"] = canonical([*(held if isinstance(held, list) else [held]), *faults])
    if any(fault.partition(":")[0] in _SPOILS_PRICE for fault in faults):
        row.pop("cost_pico", None)
        row["cost_state"] = "unpriced"


def full(row: Row) -> Row:
    """Every column, defaults filled in."""
    return DEFAULTS | row


def replaced(old: Row, new: Row) -> Row:
    """The same source tells a call again: what it says now holds, what it omits stays.

    A price changes only with what it was made of; new rates alone alter nothing.
    """
    told = full(new)
    out = dict(old)
    for name in COLUMNS:
        if name not in _FIXED and (told[name] is not None or DEFAULTS[name] is not None):
            out[name] = told[name]
    out["problems"] = told["problems"]  # of the counts, which are always told whole
    priced_anew = any(out[name] != old[name] for name in PRICED_BY)
    cost = told if priced_anew else old
    out.update({name: cost[name] for name in COST})
    return out


def larger(old: Row, new: Row) -> Row:
    """As `replaced`, unless it tells less than is known: it is a copy from before."""
    told = full(new)
    return old if any(told[name] < old[name] for name in TOKEN_FIELDS) else replaced(old, new)


def undated(old: Row, new: Row) -> Row:
    """As `replaced`, by a line whose time is a guess: the first guess stays."""
    return replaced(old, {**new, "start_us": old["start_us"]})


def filled(old: Row, new: Row) -> Row:
    """Another source tells the same call: the first stays, gaps are filled, counters grow."""
    told = full(new)
    out = dict(old)
    for name in COLUMNS:
        if name not in _FIXED and out[name] in (None, _OPEN.get(name)) and told[name] is not None:
            out[name] = told[name]
    if old["usage_basis"] != "measured" and told["usage_basis"] == "measured":
        out.update({name: told[name] for name in (*_USAGE, *COST)})
        return out
    out.update({name: max(old[name], told[name]) for name in COUNTERS})
    grown = any(out[name] > old[name] for name in TOKEN_FIELDS)
    dearer = (told["cost_pico"] or 0) > (old["cost_pico"] or 0)
    cost = told if old["cost_state"] == "unpriced" or (grown and dearer) else old
    out.update({name: cost[name] for name in COST})
    return out


def grown(old: Row, new: Row) -> Row:
    """The same source tells one call in pieces (`"merge": "max"`): as `filled`, lists united.

    Of two that tell it, the earlier is the original: a fork that copied it may be read first.
    """
    if new.get("start_us", old["start_us"]) < old["start_us"]:
        out = filled(full(new), old) | {name: old[name] for name in _FIXED}
    else:
        out = filled(old, new)
    for name, kind in KINDS.items():
        if kind == "json" and old[name] and new.get(name):
            out[name] = _united(old[name], new[name])
    return out


def _united(old: str, new: str) -> str:
    held, told = json.loads(old), json.loads(new)
    if isinstance(held, dict) and isinstance(told, dict):
        return canonical({**held, **told})
    if isinstance(held, list) and isinstance(told, list):
        return canonical([*held, *(item for item in told if item not in held)])
    return new


def amended(old: Row, line: Mapping[str, Any]) -> Row:
    """An `amend` line: the named fields and nothing else; null clears one."""
    told = fields_of(line)
    out = dict(old)
    for name in line:
        if name in KINDS and name not in _FIXED:
            out[name] = told.get(name, DEFAULTS[name])
    for name in ("problems", "cost_state"):
        out[name] = told.get(name, out[name])
    if out["start_us"] is None:
        out["start_us"] = old["start_us"]
    return out
