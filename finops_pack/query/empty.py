"""Why there is nothing to show: empty is not zero, and says its cause and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from finops_pack.query.period import Period

if TYPE_CHECKING:
    from finops_pack.query.reader import Reader

_START = """\
start with one line in your program: import finops_pack.auto
or read a coding agent's logs: finops import claude-code"""
_WAITS = "bring it in: finops drain; what keeps it out: finops doctor"


def why(reader: Reader, period: Period | None, fields: Mapping[str, Any]) -> str:
    """The reason in words; empty when there are calls."""
    span = reader.span()
    if span is None and reader.pending_calls:
        return (
            f"nothing booked yet: what was recorded waits for the ledger {reader.place}\n{_WAITS}"
        )
    if span is None:
        cause = "is empty" if reader.begun else "does not exist yet"
        return f"nothing recorded yet: the ledger {reader.place} {cause}\n{_START}"
    if period is None or reader.total(period, **fields).calls:
        return ""
    if reader.total(period, **{**fields, "billing": "subscription"}).calls:
        return "only calls of flat plans in this period; show them with --billing subscription"
    if not fields:
        newest = f"{datetime.fromtimestamp(span[1] / 1e6, reader.zone):%Y-%m-%d %H:%M}"
    elif not (newest := _newest_day(reader, fields)):
        return f"no calls of {_named(fields)} in this ledger"
    which = f"no calls of {_named(fields)}" if fields else "no calls"
    latest = f"the newest is of {newest} (--since {newest[:10]})"
    return f"{which} in this period ({period.label}); {latest}"


def _newest_day(reader: Reader, fields: Mapping[str, Any]) -> str:
    flat = {**fields, "billing": "subscription"}
    return max((day.date for asked in (fields, flat) for day in reader.days(**asked)), default="")


def _named(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in fields.items())
