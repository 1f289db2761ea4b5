"""How warmth falls with the pause before a call, and what sessions share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from finops_pack.cache._chains import Step
from finops_pack.sketch import common_tokens

BANDS = ((0, 300, "under 5 min"), (300, 3600, "5 min to 1 h"), (3600, 10**9, "over 1 h"))
CHUNKS = 1024


@dataclass(frozen=True, slots=True)
class Decay:
    """Warmth of the calls that came after a pause of this band; `trend` later minus earlier."""

    band: str
    calls: int
    warmth: float | None
    trend: float | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "gap": self.band,
            "calls": self.calls,
            "warmth": None if self.warmth is None else round(self.warmth, 4),
            "trend": None if self.trend is None else round(self.trend, 4),
        }


class Warmth:
    """Warmth by band of pauses: 5 minutes and 1 hour are the TTLs in use."""

    def __init__(self) -> None:
        self._bands = {name: Halves() for _, _, name in BANDS}

    def see(self, step: Step) -> None:
        """Count one call that came after another."""
        gap_s = step.gap_s
        if gap_s is None:
            return
        for low, high, name in BANDS:
            if low <= gap_s < high:
                self._bands[name].add(min(step.call.cache_read_tokens, step.shared), step.shared)

    def rows(self) -> tuple[Decay, ...]:
        """One row a band."""
        return tuple(_row(name, halves) for name, halves in self._bands.items())


def _row(name: str, halves: Halves) -> Decay:
    early, late = (_warmth(*half) for half in halves.split())
    trend = late - early if early is not None and late is not None else None
    return Decay(name, halves.count, _warmth(*halves.whole()), trend)


def _warmth(read: int, could: int) -> float | None:
    return read / could if could else None


class Halves:
    """Sums of pairs over the earlier and the later half of a stream of unknown length.

    The pairs are held in at most 1,024 chunks of equal count, so the middle is met to one in
    five hundred, and exactly below a thousand pairs.
    """

    def __init__(self) -> None:
        self.count = 0
        self._each = 1
        self._chunks: list[tuple[int, int]] = []

    def add(self, one: int, other: int) -> None:
        """Count a pair."""
        if self.count % self._each:
            held = self._chunks[-1]
            self._chunks[-1] = (held[0] + one, held[1] + other)
        else:
            self._chunks.append((one, other))
        self.count += 1
        if len(self._chunks) == CHUNKS and not self.count % self._each:
            self._chunks = [
                (a[0] + b[0], a[1] + b[1])
                for a, b in zip(self._chunks[::2], self._chunks[1::2], strict=True)
            ]
            self._each *= 2

    def split(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The sums of the first half and of the rest."""
        middle = self.count // 2 // self._each
        return _sums(self._chunks[:middle]), _sums(self._chunks[middle:])

    def whole(self) -> tuple[int, int]:
        """The sums of all."""
        return _sums(self._chunks)


def _sums(pairs: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return sum(one for one, _ in pairs), sum(other for _, other in pairs)


class Overlap:
    """What a session's first call shares with the session before it in its project.

    In tokens, from chained keyed hashes: each covers more of them than the one before.
    """

    def __init__(self) -> None:
        self._before: dict[str, Sequence[str]] = {}
        self._shared = self._total = 0

    def see(self, step: Step) -> None:
        """Compare a first call with the first call before it."""
        call = step.call
        if step.before is not None or not call.prefix_hashes:
            return
        other = self._before.get(call.project or "")
        if other is not None:
            self._total += common_tokens(call.prefix_hashes, call.prefix_hashes)
            self._shared += common_tokens(other, call.prefix_hashes)
        self._before[call.project or ""] = call.prefix_hashes

    def share(self) -> float | None:
        """0-1; None when no two sessions carry hashes."""
        return self._shared / self._total if self._total else None
