"""What a search for waste comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from finops_pack.figures import count, tokens
from finops_pack.model import Basis, Finding
from finops_pack.model.table import Table, Tabular
from finops_pack.money import plain, shown


@dataclass(frozen=True, slots=True)
class Category:
    """One category's avoidable USD, the calls it fell on, and the USD of each of its subtypes."""

    usd: Decimal
    basis: Basis
    calls: int
    parts: Mapping[str, Decimal] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, amounts as decimal strings."""
        parts = {name: plain(usd) for name, usd in self.parts.items()}
        whole = {"usd": plain(self.usd), "basis": self.basis, "calls": self.calls}
        return {**whole, "parts": parts} if parts else whole


@dataclass(frozen=True, slots=True)
class Unknown:
    """What a category cannot judge: input tokens, calls, and why."""

    tokens: int
    calls: int
    why: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"tokens": self.tokens, "calls": self.calls, "why": list(self.why)}

    def text(self, category: str) -> str:
        """How large it is, in words."""
        what = f"{category.replace('_', ' ')}: unknown for {tokens(self.tokens)} tokens"
        return f"{what} in {count(self.calls, 'call')}"


@dataclass(frozen=True)
class Waste(Tabular):
    """The findings, dearest first, summed by category; only categories that occurred.

    Of very many findings the dearest are kept and `left_out` says how many are not; the sums
    are over all. `days` are the USD by calendar day (ISO date): each finding's amount falls
    evenly on its calls.
    """

    total_usd: Decimal = Decimal(0)
    findings: Sequence[Finding] = ()
    categories: Mapping[str, Category] = field(default_factory=dict)
    unknown: Mapping[str, Unknown] = field(default_factory=dict)
    days: Mapping[str, Decimal] = field(default_factory=dict)
    left_out: int = 0

    @property
    def avoidable_usd(self) -> Decimal:
        """All categories together; at most `total_usd`."""
        return sum((part.usd for part in self.categories.values()), Decimal(0))

    @property
    def unjudged(self) -> str:
        """What nobody can say is wasted or not; empty when all was judged."""
        return "; ".join(part.text(name) for name, part in self.unknown.items())

    def dearest(self) -> list[tuple[str, Category]]:
        """The categories, dearest first."""
        return sorted(self.categories.items(), key=lambda item: (-item[1].usd, item[0]))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, amounts as decimal strings; without the findings."""
        return {
            "total_cost_usd": plain(self.total_usd),
            "avoidable_usd": plain(self.avoidable_usd),
            "categories": {name: part.to_dict() for name, part in self.categories.items()},
            "unknown": {name: part.to_dict() for name, part in self.unknown.items()},
        }

    def to_dicts(self) -> list[dict[str, Any]]:
        """One row a category."""
        return [{"category": name, **part.to_dict()} for name, part in self.categories.items()]

    def table(self) -> Table:
        """A row for each category, the dearest first."""
        rows = [(name, part.calls, part.basis, plain(part.usd)) for name, part in self.dearest()]
        looked = (
            f" in {shown(self.total_usd)} of spend" if self.total_usd else ": nothing with a price"
        )
        none = "" if rows else f"no waste found{looked}"
        note = "; ".join(filter(None, (none, self.unjudged)))
        return Table(("category", "calls", "basis", "USD"), rows, note)
