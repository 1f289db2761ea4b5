"""How long answers usually are, by action, and the longest of them; flat in calls."""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from finops_pack.model import Call
from finops_pack.stats import MAD_SCALE

BINS = 100  # a unit of the logarithm: sizes are told apart to one in a hundred
MINIMUM = 20  # answers before anything counts as usual
LEAST_SPREAD = 0.1  # of a logarithm, about 10 %
LONGEST = 1000  # answers kept of each action


class Usual(NamedTuple):
    """The usual length: median, robust deviation of its logarithm, and of how many."""

    median: float
    spread: float
    answers: int


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
    """A histogram of the logarithms of all answers' tokens by action, and the longest ones."""

    def __init__(self) -> None:
        self._bins: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._longest: dict[str, list[Long]] = {}

    def see(self, call: Call) -> None:
        """Count one answer."""
        if call.output_tokens > 0 and not call.problems:
            place = round(math.log(call.output_tokens) * BINS)
            self._bins[call.action or ""][place] += 1

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
            usual = _usual(self._bins[action])
            if usual:
                yield from ((long, usual) for long in sorted(kept))


def _usual(bins: Mapping[int, int]) -> Usual | None:
    count = sum(bins.values())
    if count < MINIMUM:
        return None
    centre = _median(bins)
    away = Counter[int]()
    for place, held in bins.items():
        away[abs(place - centre)] += held
    spread = max(MAD_SCALE * _median(away) / BINS, LEAST_SPREAD)
    return Usual(math.exp(centre / BINS), spread, count)


def _median(bins: Mapping[int, int]) -> int:
    middle = (sum(bins.values()) + 1) // 2
    seen = 0
    for place in sorted(bins):
        seen += bins[place]
        if seen >= middle:
            return place
    return 0
