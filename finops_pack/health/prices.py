"""Prices: the age of the snapshot, mistakes in tables, models that no table knows."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator

from finops_pack import query, rates
from finops_pack.errors import LedgerUnreachable
from finops_pack.health import Check, fault, note, ok
from finops_pack.query import Period, Reader
from finops_pack.rates import manage

RECENT = "30d"
SHOWN = 5
_UNSEEN = "compare with the provider's bill: finops reconcile FILE"
_NAMELESS, _TELL = "(no model named)", "name the model where the call is recorded"
_INVALID = "mend what reports them: a part, such as reasoning, is more than its total, or below 0"


def checks(ledger_url: str | None) -> Iterator[Check]:
    """Tables, then what the ledger could not price."""
    version, date, digest, age = rates.snapshot_info()
    yield ok("snapshot", f"{version} of {date} ({_count(age, 'day')} old), sha256 {digest[:12]}")
    for problem in manage.problems():
        yield fault("table", str(problem), problem.mend or "finops rates check")
    yield from _unpriced(ledger_url)


def _unpriced(ledger_url: str | None) -> Iterator[Check]:
    try:
        reader = query.open(ledger_url)
    except LedgerUnreachable:
        return  # said by the part that looks at the ledger
    with reader:
        recent = Period.of(RECENT, zone=reader.zone)
        yield from _of(reader, recent, fault)
        yield from _of(reader, Period(None, recent.since, f"before the {recent.label}"), note)


def _of(reader: Reader, period: Period, say: Callable[..., Check]) -> Iterator[Check]:
    """The models that lack a price, or whose calls tell no usage, in one period."""
    rows = reader.spend("model", period).rows
    for row in [row for row in rows if row.without_rate][:SHOWN]:
        text = f"{row.key or _NAMELESS}: {_calls(row.without_rate, period)} without a price"
        yield say("unpriced", text, _mend(reader, period, row.key) if row.key else _TELL)
    for row in [row for row in rows if row.invalid_calls][:SHOWN]:
        text = f"{row.key}: {_calls(row.invalid_calls, period)} with counts that make no sense"
        yield say("invalid", text, _INVALID)
    if unseen := sum(row.unseen_calls for row in rows):
        what = f"{_calls(unseen, period)} cut off: nobody told the usage, it may have been billed"
        yield note("unknown", what, _UNSEEN)


def _calls(count: int, period: Period) -> str:
    return f"{_count(count, 'call')} ({period.label})"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _mend(reader: Reader, period: Period, model: str) -> str:
    """What helps depends on whose call it was, when, and on what terms: one of them is tried."""
    days = reader.spend("day", period, model=model).rows
    newest = next(str(day.key) for day in days if day.without_rate)
    calls = reader.stream(Period.day(newest, reader.time_zone), model=model)
    lacking = (c for c in calls if c.unpriced and not c.problems and "usage" not in c.missing)
    one = next(lacking, None)
    if one is not None and rates.price_call(one)[1] != "unpriced":
        return "a price is on file by now: finops reprice"
    return f"finops rates alias {shlex.quote(f'{model}=KNOWN-MODEL')}, then finops reprice"
