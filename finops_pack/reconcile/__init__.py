"""What a provider billed against what our rates say, by day and model: pure.

charges = bills.read(path).charges          # or own_bills(calls): gateways' bills in the ledger
compare(charges, calls).rows
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from finops_pack.model import Call
from finops_pack.money import from_pico, plain

CENT = Decimal("0.01")
_DATED = re.compile(r"[-@](?:\d{8}|\d{4}-\d\d-\d\d)(?:-v\d+(?::\d+)?)?$")


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of a bill, USD; day (ISO, UTC) and model are None where it does not say."""

    usd: Decimal
    day: str | None = None
    model: str | None = None


@dataclass(slots=True)
class Row:
    """One day and model: what was billed and what our rates say of the calls in the ledger."""

    day: str | None
    model: str | None
    billed_usd: Decimal = Decimal(0)
    list_usd: Decimal = Decimal(0)
    charges: int = 0
    calls: int = 0
    unpriced_calls: int = 0

    @property
    def difference_usd(self) -> Decimal:
        """Billed less ours: positive when the provider wants more."""
        return self.billed_usd - self.list_usd

    @property
    def note(self) -> str:
        """Why they may differ; empty when they agree to the cent."""
        if not self.calls:
            return "not in the ledger" if self.billed_usd else ""
        if not self.charges and (self.list_usd or self.unpriced_calls):
            return "not on the bill"
        if self.unpriced_calls:
            return f"{self.unpriced_calls:,} without a price"
        return "" if abs(self.difference_usd) < CENT else "differs"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, amounts as decimal strings."""
        return {
            "day": self.day,
            "model": self.model,
            "billed_usd": plain(self.billed_usd),
            "list_usd": plain(self.list_usd),
            "difference_usd": plain(self.difference_usd),
            "calls": self.calls,
            "unpriced_calls": self.unpriced_calls,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """All rows, by day and model, and their sum."""

    rows: Sequence[Row]
    total: Row = field(default_factory=lambda: Row(None, None))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"rows": [row.to_dict() for row in self.rows], "total": self.total.to_dict()}


def compare(
    charges: Iterable[Charge], calls: Iterable[Call], provider: str | None = None
) -> Comparison:
    """Charges against calls that somebody pays for by the call.

    Grouped by what the bill tells: without days, or without models, those are not told apart.
    Calls of providers that the bill does not speak of are left out.
    """
    listed = list(charges)
    paid = [call for call in calls if call.billing_mode != "subscription"]
    dated = any(charge.day for charge in listed)
    named = any(charge.model for charge in listed)
    rows: dict[tuple[str | None, str | None], Row] = {}

    def row(day: str | None, model: str | None) -> Row:
        key = (day if dated else None, normal(model) if named and model else None)
        return rows.setdefault(key, Row(*key))

    for charge in listed:
        found = row(charge.day, charge.model)
        found.billed_usd += charge.usd
        found.charges += 1
    for call in _of_the_bill(paid, listed, provider):
        found = row(day_of(call), call.answered_by)
        found.list_usd += from_pico(call.cost_pico or 0)
        found.calls += 1
        found.unpriced_calls += call.cost_state == "unpriced"
    ordered = sorted(rows.values(), key=lambda r: (r.day or "", r.model or ""))
    return Comparison(ordered, _sum(ordered))


def own_bills(calls: Iterable[Call]) -> tuple[list[Charge], list[Call]]:
    """What gateways said they charged, and the calls they said it of; flat plans are no charges."""
    paid = (call for call in calls if call.billing_mode != "subscription")
    billed = [call for call in paid if call.billed_pico is not None]
    charges = [
        Charge(from_pico(call.billed_pico or 0), day_of(call), call.answered_by) for call in billed
    ]
    return charges, billed


def day_of(call: Call) -> str:
    """The UTC day of a call, as bills have it."""
    return call.started_at.date().isoformat()


def normal(model: str) -> str:
    """A model's name as bills and APIs both may write it: no vendor, no date, no line item."""
    name = model.partition(",")[0].strip().lower().replace(" ", "-")
    name = _DATED.sub("", name.rpartition("/")[2])
    return name.replace(".", "-")


def _of_the_bill(
    calls: Sequence[Call], charges: Sequence[Charge], provider: str | None
) -> list[Call]:
    if provider:
        return [call for call in calls if call.provider == provider]
    names = {normal(charge.model) for charge in charges if charge.model}
    if not names:
        return list(calls)
    speaks_of = {c.provider for c in calls if normal(c.answered_by) in names}
    return [call for call in calls if call.provider in speaks_of]


def _sum(rows: Iterable[Row]) -> Row:
    total = Row(None, None)
    for row in rows:
        total.billed_usd += row.billed_usd
        total.list_usd += row.list_usd
        total.charges += row.charges
        total.calls += row.calls
        total.unpriced_calls += row.unpriced_calls
    return total
