"""Prices: the age of the snapshot, mistakes in tables, models that no table knows."""

from __future__ import annotations

from collections.abc import Iterator

from finops_pack import query, rates
from finops_pack.errors import LedgerUnreachable
from finops_pack.health import Check, fault, ok
from finops_pack.model import Usage
from finops_pack.query import Period
from finops_pack.rates import manage

RECENT = "30d"
SHOWN = 5
_INVALID = "mend what reports them: a part, such as reasoning, is more than its total, or below 0"


def checks(ledger_url: str | None) -> Iterator[Check]:
    """Tables, then what the ledger could not price."""
    version, date, digest, age = rates.snapshot_info()
    yield ok("snapshot", f"{version} of {date} ({age} days old), sha256 {digest[:12]}")
    for problem in manage.problems():
        yield fault("table", str(problem), problem.mend or "finops rates check")
    yield from _unpriced(ledger_url)


def _unpriced(ledger_url: str | None) -> Iterator[Check]:
    try:
        reader = query.open(ledger_url)
    except LedgerUnreachable:
        return  # said by the part that looks at the ledger
    with reader:
        rows = reader.spend("model", Period.of(RECENT, zone=reader.zone)).rows
    for row in [row for row in rows if row.lacks_price][:SHOWN]:
        name, count = row.key or "(no model named)", row.unpriced_calls - row.invalid_calls
        calls = f"{count:,} call{'' if count == 1 else 's'}"
        yield fault("unpriced", f"{name}: {calls} of 30 days without a price", _mend(name))
    for row in [row for row in rows if row.invalid_calls][:SHOWN]:
        calls = f"{row.invalid_calls:,} call{'' if row.invalid_calls == 1 else 's'}"
        text = f"{row.key}: {calls} of 30 days with counts that make no sense"
        yield fault("invalid", text, _INVALID)


def _mend(model: str) -> str:
    if rates.price(model, Usage(input_tokens=1)).state != "unpriced":
        return "a price is on file by now: finops reprice"
    return f"finops rates alias {model}=KNOWN-MODEL, then finops reprice"
