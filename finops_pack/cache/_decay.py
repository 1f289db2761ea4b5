"""How warmth falls with the pause before a call, and what sessions share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from finops_pack.cache._chains import Step
from finops_pack.model import Call

BANDS = ((0, 300, "under 5 min"), (300, 3600, "5 min to 1 h"), (3600, 10**9, "over 1 h"))
_HALF = 2


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


def decay(steps: Sequence[Step]) -> tuple[Decay, ...]:
    """One row a band of pauses: 5 minutes and 1 hour are the TTLs in use."""
    rows = []
    for low, high, name in BANDS:
        inside = [s for s in steps if s.gap_s is not None and low <= s.gap_s < high]
        half = len(inside) // _HALF
        early, late = _warmth(inside[:half]), _warmth(inside[half:])
        trend = late - early if early is not None and late is not None else None
        rows.append(Decay(name, len(inside), _warmth(inside), trend))
    return tuple(rows)


def _warmth(steps: Sequence[Step]) -> float | None:
    could = sum(step.shared for step in steps)
    read = sum(min(step.call.cache_read_tokens, step.shared) for step in steps)
    return read / could if could else None


def session_overlap(steps: Sequence[Step]) -> float | None:
    """Prefix blocks a session's first call shares with the session before it, as a share.

    From chained keyed hashes; None when no two sessions carry them.
    """
    before: dict[str, Call] = {}
    shared = total = 0
    for step in steps:
        call = step.call
        if step.before is not None or not call.prefix_hashes:
            continue
        other = before.get(call.project or "")
        if other is not None:
            total += len(call.prefix_hashes)
            shared += _common(other.prefix_hashes, call.prefix_hashes)
        before[call.project or ""] = call
    return shared / total if total else None


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count
