"""The few statistics that the analyses share: robust, exact in their ties, without numpy."""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist, median
from typing import Any, Generic, TypeVar

MAD_SCALE = 1.4826  # makes the median absolute deviation of a normal its standard deviation
ROBUST_Z = 3.5  # Iglewicz & Hoaglin, How to Detect and Handle Outliers, 1993
CHANCE = 0.05
MINIMUM_USUAL = 20  # before anything counts as usual
LEAST_SPREAD = 0.1  # of a logarithm: about 10 %
T = TypeVar("T")


class Top(Generic[T]):
    """The first `size` of any number of items, by their key; the others are only counted."""

    def __init__(self, size: int, key: Callable[[T], Any]) -> None:
        self.seen = 0
        self._size = size
        self._key = key
        self._kept: list[T] = []

    def add(self, item: T) -> None:
        """Keep it for as long as it is among the first."""
        self.seen += 1
        self._kept.append(item)
        if len(self._kept) >= 2 * self._size:
            self._cut()

    def _cut(self) -> None:
        self._kept.sort(key=self._key)
        del self._kept[self._size :]

    def __iter__(self) -> Iterator[T]:
        self._cut()
        return iter(self._kept)


@dataclass(frozen=True, slots=True)
class Usual:
    """The usual size of a positive count: median, and robust deviation of its logarithm."""

    median: float
    spread: float
    count: int

    def z(self, value: float) -> float:
        """Robust deviations of `value` from the median, on a log scale; 0 for nothing."""
        return math.log(value / self.median) / self.spread if value > 0 else 0.0

    def exceeded(self, value: float) -> bool:
        """Whether it stands out."""
        return self.z(value) > ROBUST_Z


class Sizes:
    """Any number of positive whole numbers, held to three digits: flat in how many there are."""

    def __init__(self) -> None:
        self._counts = Counter[int]()

    def add(self, size: int) -> None:
        """Count one; what is not above 0 is none."""
        if size > 0:
            self._counts[_three_digits(size)] += 1

    def median(self) -> float | None:
        """The middle one, None of none."""
        return _weighted_median(self._counts) if self._counts else None

    def usual(self) -> Usual | None:
        """What is usual, from at least twenty."""
        count = self._counts.total()
        if count < MINIMUM_USUAL:
            return None
        logs = {math.log(size): held for size, held in self._counts.items()}
        centre = _weighted_median(logs)
        away = Counter[float]()
        for value, held in logs.items():
            away[abs(value - centre)] += held
        spread = MAD_SCALE * _weighted_median(away)
        return Usual(math.exp(centre), max(spread, LEAST_SPREAD), count)


def _three_digits(size: int) -> int:
    if size < 1000:
        return size
    scale = 10 ** (len(str(size)) - 3)
    return int((size + scale // 2) // scale * scale)


def _weighted_median(counts: Mapping[float, int] | Mapping[int, int]) -> float:
    ordered = sorted(counts.items())
    ends = list(accumulate(held for _, held in ordered))
    low, high = ((ends[-1] + 1) // 2, ends[-1] // 2 + 1)
    return (ordered[bisect_left(ends, low)][0] + ordered[bisect_left(ends, high)][0]) / 2


def robust_z(history: Sequence[float], value: float, *, floor: float = 0.0) -> float:
    """How far `value` lies from the median of `history`, in robust standard deviations.

    Of median and MAD. `floor` is the least deviation believed; without any spread or floor the
    answer is 0 or infinite.
    """
    centre = median(history)
    spread = max(MAD_SCALE * median(abs(item - centre) for item in history), floor)
    if not spread:
        return 0.0 if value == centre else math.copysign(math.inf, value - centre)
    return (value - centre) / spread


def robust_log_z(history: Sequence[float], value: float, *, floor: float = 0.0) -> float:
    """`robust_z` of logarithms: for amounts and counts, which are skewed; all must be > 0."""
    return robust_z([math.log(item) for item in history], math.log(value), floor=floor)


def surprising_z(count: int) -> float:
    """The robust z that the largest of `count` values exceeds by chance in one sample of twenty.

    At least `ROBUST_Z`: of 100,000 answers about 23 lie beyond that by chance alone.
    """
    return max(ROBUST_Z, NormalDist().inv_cdf(1 - CHANCE / count))


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0–1) of `values` lie, by linear interpolation."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1, equal values sharing the mean of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    result = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for place in range(start, end + 1):
            result[order[place]] = (start + end) / 2 + 1
        start = end + 1
    return result


def greater_p(now: Sequence[float], before: Sequence[float]) -> float:
    """One-sided p that `now` is no greater than `before`: Mann–Whitney U, normal with ties.

    Mann & Whitney, Annals of Mathematical Statistics 18 (1947). 1.0 when a side is empty.
    """
    n, m = len(now), len(before)
    if not n or not m:
        return 1.0
    both = [*now, *before]
    ranked = ranks(both)
    u = sum(ranked[:n]) - n * (n + 1) / 2
    total = n + m
    ties = sum(count**3 - count for count in Counter(both).values())
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1))) if total > 1 else 0.0
    if variance <= 0:
        return 1.0
    return normal_above((u - n * m / 2 - 0.5) / math.sqrt(variance))


def normal_above(z: float) -> float:
    """The share of a standard normal above `z`."""
    return 0.5 * math.erfc(z / math.sqrt(2))


def bootstrap(
    statistic: Callable[[Sequence[float], Sequence[float]], float],
    now: Sequence[float],
    before: Sequence[float],
    *,
    rounds: int = 1000,
    confidence: float = 0.90,
) -> tuple[float, float]:
    """Percentile interval of a statistic of two samples, each resampled on its own."""
    rng = random.Random(0)
    drawn = [
        statistic(rng.choices(now, k=len(now)), rng.choices(before, k=len(before)))
        for _ in range(rounds)
    ]
    tail = (1 - confidence) / 2
    return quantile(drawn, tail), quantile(drawn, 1 - tail)


def spearman(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Rank correlation (−1 to 1); None below three pairs or without any spread."""
    if len(one) < 3 or len(one) != len(other):
        return None
    a, b = ranks(one), ranks(other)
    centre = (len(one) + 1) / 2
    over = sum((x - centre) * (y - centre) for x, y in zip(a, b, strict=True))
    spread = math.sqrt(sum((x - centre) ** 2 for x in a) * sum((y - centre) ** 2 for y in b))
    return over / spread if spread else None
