"""Avoidable dollars: one rule a file, found by name, disjoint in the order of their `ORDER`.

A rule has `CATEGORY`, `ORDER` and `find(calls, ground)`, which is given the calls of one session
in order of start and yields findings. It claims each dollar through `ground.taken`, so that no
dollar of a call counts twice and the categories never sum above the total. A rule that must see
everything first also has `finish(ground)`. A finding whose basis is `unknown` says how many
tokens nothing can be said of.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from types import ModuleType
from typing import Any

from finops_pack.model import Basis, Call, Facts, Finding
from finops_pack.money import plain, shown
from finops_pack.waste._ground import Ground
from finops_pack.waste._sessions import batches, session_of, sessions

__all__ = ["Category", "Unknown", "Waste", "find", "rules", "session_of"]


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


@dataclass(frozen=True)
class Waste:
    """The findings, dearest first, summed by category; only categories that occurred."""

    total_usd: Decimal = Decimal(0)
    findings: Sequence[Finding] = ()
    categories: Mapping[str, Category] = field(default_factory=dict)
    unknown: Mapping[str, Unknown] = field(default_factory=dict)

    @property
    def avoidable_usd(self) -> Decimal:
        """All categories together; at most `total_usd`."""
        return sum((part.usd for part in self.categories.values()), Decimal(0))

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

    def _repr_html_(self) -> str:
        from finops_pack.model.html import html_table

        rows = [
            (name, part.calls, part.basis, plain(part.usd))
            for name, part in self.categories.items()
        ]
        note = "" if rows else f"no waste found in {shown(self.total_usd)} of spend"
        return html_table(("category", "calls", "basis", "USD"), rows, note)


def find(calls: Iterable[Call], facts: Facts) -> Waste:
    """The avoidable dollars of these calls.

    A sequence may come in any order; an iterator must be in order of start, and of it no more
    than the sessions of a day are held at once.
    """
    ground = Ground(facts)
    found: list[Finding] = []
    for batch in batches(sessions(ground.counted(calls))):
        ground.begin(batch)
        for group in batch:
            found += _of_session(group, ground)
    for rule in rules():
        if hasattr(rule, "finish"):
            found += rule.finish(ground)
    return _summed(ground.total_usd, found)


def _of_session(calls: Sequence[Call], ground: Ground) -> Iterator[Finding]:
    ground.taken.clear()
    for rule in rules():
        yield from rule.find(calls, ground)


@lru_cache(maxsize=1)
def rules() -> tuple[ModuleType, ...]:
    """The rules there are, in the order in which they claim."""
    names = (m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    found = (importlib.import_module(f"finops_pack.waste.{name}") for name in names)
    return tuple(sorted(found, key=lambda rule: int(rule.ORDER)))


def _summed(total: Decimal, found: Sequence[Finding]) -> Waste:
    said = sorted(
        (f for f in found if f.basis != "unknown"),
        key=lambda f: (-f.usd, f.category, f.task or "", f.calls),
    )
    names = [rule.CATEGORY for rule in rules()]
    by_name = {name: [f for f in said if f.category == name] for name in names}
    blank = {name: _unknown([f for f in found if f.category == name]) for name in names}
    return Waste(
        total,
        tuple(said),
        {name: _category(mine) for name, mine in by_name.items() if mine},
        {name: part for name, part in blank.items() if part.tokens},
    )


def _category(found: Sequence[Finding]) -> Category:
    measured = all(f.basis == "measured" for f in found)
    calls = {call for f in found for call in f.calls}
    usd = sum((f.usd for f in found), Decimal(0))
    parts: dict[str, Decimal] = {}
    for f in found:
        if f.subtype:
            parts[f.subtype] = parts.get(f.subtype, Decimal(0)) + f.usd
    return Category(usd, "measured" if measured else "estimated", len(calls), parts)


def _unknown(found: Sequence[Finding]) -> Unknown:
    some = [f for f in found if f.unknown_tokens]
    calls = {call for f in some for call in f.calls}
    why = sorted({f.title for f in some if f.basis == "unknown"})
    return Unknown(sum(f.unknown_tokens for f in some), len(calls), tuple(why))
