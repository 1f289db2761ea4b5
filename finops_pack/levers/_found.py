"""Dollars and the calls they were found in, summed as the calls go by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from operator import itemgetter

from finops_pack.model import Call

EVIDENCE_CALLS = 10

Place = tuple[int, str]
"""When a call, or a whole session or task, began: what evidence is in order of."""


def place_of(call: Call) -> Place:
    """Where a call stands among all."""
    return call.start_us, call.id


@dataclass(slots=True)
class Found:
    """USD, how many calls and groups they stand for, and the ids of the first calls alone."""

    usd: Decimal = Decimal(0)
    count: int = 0
    groups: int = 0
    first: list[tuple[Place, str]] = field(default_factory=list)

    def note(self, place: Place, call_id: str) -> None:
        """Count a call of the group that began at `place`; those of a group come in order."""
        self.count += 1
        if len(self.first) < EVIDENCE_CALLS:
            self.first.append((place, call_id))

    def merge(self, group: Found) -> None:
        """Add what was found in a group of calls, or in several; they may come in any order."""
        if not group.count:
            return
        self.usd += group.usd
        self.count += group.count
        self.groups += max(1, group.groups)
        both = sorted(self.first + group.first, key=itemgetter(0))
        self.first = both[:EVIDENCE_CALLS]

    @property
    def calls(self) -> tuple[str, ...]:
        """The evidence: the first calls of the groups, in the order in which these began."""
        return tuple(call_id for _, call_id in self.first)


class Tally:
    """What was found by subject."""

    def __init__(self) -> None:
        self._rows: dict[str, Found] = {}

    def add(self, subject: str, group: Found) -> None:
        """Count a group; one that saves nothing leaves no trace."""
        if group.usd > 0:
            self._rows.setdefault(subject, Found()).merge(group)

    def __iter__(self) -> Iterator[tuple[str, Found]]:
        return iter(self._rows.items())
