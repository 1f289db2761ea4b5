"""Findings summed as they come: of very many only the dearest are kept, so memory stays flat."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from operator import attrgetter

from finops_pack.model import Finding
from finops_pack.stats import Top
from finops_pack.waste._result import Category, Unknown, Waste

KEPT = 2_000
_QUARTER_US = 900_000_000  # offsets of time zones are whole quarters of an hour


@dataclass
class _Sums:
    """One category so far."""

    usd: Decimal = Decimal(0)
    findings: int = 0
    calls: int = 0
    measured: bool = True
    parts: dict[str, Decimal] = field(default_factory=dict)
    unknown_tokens: int = 0
    unknown_calls: int = 0
    why: set[str] = field(default_factory=set)

    def add(self, found: Finding) -> None:
        if found.unknown_tokens:
            self.unknown_tokens += found.unknown_tokens
            self.unknown_calls += len(found.calls)
        if found.basis == "unknown":
            self.why.add(found.title)
            return
        self.findings += 1
        self.usd += found.usd
        self.calls += len(found.calls)
        self.measured = self.measured and found.basis == "measured"
        if found.subtype:
            self.parts[found.subtype] = self.parts.get(found.subtype, Decimal(0)) + found.usd

    @property
    def category(self) -> Category:
        return Category(
            self.usd, "measured" if self.measured else "estimated", self.calls, self.parts
        )


class Tally:
    """All findings of a search; no two of a category name the same call."""

    def __init__(self, zone: tzinfo = UTC) -> None:
        self._zone = zone
        self._sums: dict[str, _Sums] = defaultdict(_Sums)
        self._kept = Top[Finding](KEPT, attrgetter("rank"))
        self._quarters: dict[int, Decimal] = defaultdict(Decimal)

    def add(self, findings: Iterable[Finding], starts: Mapping[str, int]) -> None:
        """Count findings; `starts` says when (µs) the calls that they name began."""
        for found in findings:
            self._sums[found.category].add(found)
            if found.basis != "unknown":
                self._kept.add(found)
                for call in found.calls:
                    self._quarters[starts[call] // _QUARTER_US] += found.usd / len(found.calls)

    def waste(self, total: Decimal, order: Sequence[str]) -> Waste:
        """The sums, with the categories in this order."""
        kept = tuple(self._kept)
        parts = {name: self._sums[name] for name in order if name in self._sums}
        return Waste(
            total_usd=total,
            findings=kept,
            categories={name: part.category for name, part in parts.items() if part.findings},
            unknown={
                name: Unknown(part.unknown_tokens, part.unknown_calls, tuple(sorted(part.why)))
                for name, part in parts.items()
                if part.unknown_tokens
            },
            days=self._days(),
            left_out=self._kept.seen - len(kept),
        )

    def _days(self) -> dict[str, Decimal]:
        days: dict[str, Decimal] = defaultdict(Decimal)
        for quarter, usd in sorted(self._quarters.items()):
            moment = datetime.fromtimestamp(quarter * _QUARTER_US / 1e6, self._zone)
            days[moment.date().isoformat()] += usd
        return dict(days)
