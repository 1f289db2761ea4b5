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


class Group:
    """One session or task: USD, how many of its calls they stand for, the ids of the first.

    Many are held at once: it is one object to the collector of cycles, which passes over
    tuples of plain values. With lists in it, thousands of sessions cost more time than all else.
    """

    __slots__ = ("count", "ids", "place", "usd")

    def __init__(self, place: Place) -> None:
        self.usd = Decimal(0)
        self.count = 0
        self.ids: tuple[str, ...] = ()
        self.place = place

    def note(self, call: Call) -> None:
        """Count its next call."""
        self.count += 1
        if self.count <= EVIDENCE_CALLS:
            self.ids = (*self.ids, call.id)


@dataclass(slots=True)
class Found:
    """The sum of groups, and the ids of the first calls."""

    usd: Decimal = Decimal(0)
    count: int = 0
    groups: int = 0
    first: list[tuple[Place, str]] = field(default_factory=list)

    def add(self, group: Group) -> None:
        """Add a group; they come in any order."""
        first = [(group.place, call_id) for call_id in group.ids]
        self.merge(Found(group.usd, group.count, 1, first))

    def merge(self, other: Found) -> None:
        """Add what was found elsewhere."""
        self.usd += other.usd
        self.count += other.count
        self.groups += other.groups
        both = sorted(self.first + other.first, key=itemgetter(0))
        self.first = both[:EVIDENCE_CALLS]

    @property
    def calls(self) -> tuple[str, ...]:
        """The evidence: the first calls, in the order in which their groups began."""
        return tuple(call_id for _, call_id in self.first)


class Tally:
    """What was found by subject."""

    def __init__(self) -> None:
        self._rows: dict[str, Found] = {}

    def add(self, subject: str, group: Group) -> None:
        """Count a group; one that saves nothing leaves no trace."""
        if group.usd > 0:
            self._rows.setdefault(subject, Found()).add(group)

    def __iter__(self) -> Iterator[tuple[str, Found]]:
        return iter(self._rows.items())
