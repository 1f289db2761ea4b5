"""How long answers usually are, by action, and the longest of them; flat in calls."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from finops_pack.model import Call
from finops_pack.stats import Sizes, Usual

LONGEST = 1000  # answers kept of each action


class Long(NamedTuple):
    """A long answer: what is needed of its call once the call itself is gone."""

    tokens: int
    call: str
    source: str
    action: str
    start_us: int
    task: str | None
    cut: bool
    reasoning: int
    usd_per_token: Decimal
    left: Decimal


class Outputs:
    """The sizes of all answers by action, and the longest ones."""

    def __init__(self) -> None:
        self._sizes: defaultdict[str, Sizes] = defaultdict(Sizes)
        self._longest: dict[str, list[Long]] = {}

    def see(self, call: Call) -> None:
        """Count one answer."""
        if not call.problems:
            self._sizes[call.action or ""].add(call.output_tokens)

    def keep(self, long: Long) -> None:
        """Remember an answer if it is among the longest of its action."""
        kept = self._longest.setdefault(long.action, [])
        if len(kept) < LONGEST:
            heapq.heappush(kept, long)
        else:
            heapq.heappushpop(kept, long)

    def starts(self) -> dict[str, int]:
        """When the answers that were kept began, µs, by call."""
        return {long.call: long.start_us for kept in self._longest.values() for long in kept}

    def longest(self) -> Iterator[tuple[Long, Usual]]:
        """The longest answers with what is usual for their action."""
        for action, kept in sorted(self._longest.items()):
            usual = self._sizes[action].usual()
            if usual:
                yield from ((long, usual) for long in sorted(kept))
