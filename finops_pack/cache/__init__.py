"""How warm the prompt cache is: hit rate against what was attainable, writes, cold calls, decay.

hit        = Σ cache reads ÷ Σ input tokens
attainable = Σ min(previous prompt, prompt) ÷ Σ input tokens, within a session and model
warmth     = hit ÷ attainable: Hot from 95 %, Warm from 50 %, else Cold

Pure functions of calls and dated provider facts; nothing here knows a price or a TTL itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from finops_pack.cache._chains import Step, chains
from finops_pack.cache._cold import CAUSES, ColdCall, cause_of, cold_calls
from finops_pack.cache._decay import Decay, decay, session_overlap
from finops_pack.cache._lost import LEAST, Lost, lost
from finops_pack.cache._money import Writes, saved, writes
from finops_pack.cache._next import NextCall, next_call
from finops_pack.cache._rules import Rules
from finops_pack.cache._sources import Source, sources
from finops_pack.model import Call, Facts
from finops_pack.money import plain
from finops_pack.unit_prices import UnitPrices

__all__ = [
    "CAUSES",
    "LEAST",
    "CacheReport",
    "ColdCall",
    "Lost",
    "NextCall",
    "Rules",
    "Source",
    "Step",
    "analyse",
    "cause_of",
    "chains",
    "next_call",
]

State = Literal["Hot", "Warm", "Cold", "unknown"]
HOT, WARM = 0.95, 0.50
TARGET = 0.95


@dataclass(frozen=True, slots=True)
class CacheReport:
    """Shares are 0–1, None where nothing was eligible; amounts USD.

    `saved_usd` is what reads saved against cold starts, net of write premiums. `overlap` is
    the share of prefix blocks that sessions had in common with the one before them. `lost` are
    prefixes paid again, `sources` what the user named (`finops_pack.context_source`).
    """

    calls: int
    input_tokens: int
    hit: float | None
    attainable: float | None
    warmth: float | None
    state: State
    writes: Writes
    saved_usd: Decimal
    cold: tuple[ColdCall, ...]
    decay: tuple[Decay, ...]
    overlap: float | None
    next: tuple[NextCall, ...] = ()
    lost: tuple[Lost, ...] = ()
    sources: tuple[Source, ...] = ()

    @property
    def lost_usd(self) -> Decimal:
        """What all lost prefixes cost beyond a read."""
        return sum((row.usd for row in self.lost), Decimal(0))

    def cold_by_cause(self) -> dict[str, tuple[int, Decimal]]:
        """Cause -> (calls, USD lost), only causes that occurred."""
        found: dict[str, tuple[int, Decimal]] = {}
        for call in self.cold:
            count, usd = found.get(call.cause, (0, Decimal(0)))
            found[call.cause] = (count + 1, usd + call.usd)
        return found

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, amounts as decimal strings."""
        causes = {
            cause: {"calls": count, "usd": plain(usd)}
            for cause, (count, usd) in self.cold_by_cause().items()
        }
        return {
            "calls": self.calls,
            "input_tokens": self.input_tokens,
            "hit_rate": _share(self.hit),
            "attainable_rate": _share(self.attainable),
            "warmth": _share(self.warmth),
            "state": self.state,
            "target": TARGET,
            "write_share_tokens": _share(self.writes.token_share),
            "write_share_usd": _share(self.writes.usd_share),
            "write_usd": plain(self.writes.usd),
            "ttl_granted": self.writes.granted,
            "saved_usd": plain(self.saved_usd),
            "cold_calls": len(self.cold),
            "cold_by_cause": causes,
            "lost_prefix_usd": plain(self.lost_usd),
            "lost_by_cause": {row.cause: row.to_dict() for row in self.lost},
            "decay": [row.to_dict() for row in self.decay],
            "session_overlap": _share(self.overlap),
            "sources": [row.to_dict() for row in self.sources],
            "next_calls": [row.to_dict() for row in self.next],
        }


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def analyse(calls: Iterable[Call], facts: Facts, *, now_us: int | None = None) -> CacheReport:
    """The report over these calls; with `now_us` also what the next call of each session costs."""
    steps = chains(calls)
    prices, rules = UnitPrices(facts), Rules(facts)
    total = sum(step.call.input_tokens for step in steps)
    read = sum(step.call.cache_read_tokens for step in steps)
    could = sum(step.shared for step in steps)
    hit = read / total if total else None
    attainable = could / total if total else None
    # A cache shared between sessions can read more than a session's own past: that is not over 1.
    warmth = min(1.0, read / could) if could else None
    return CacheReport(
        calls=len(steps),
        input_tokens=total,
        hit=hit,
        attainable=attainable,
        warmth=warmth,
        state=state_of(warmth),
        writes=writes(steps, prices),
        saved_usd=saved(steps, prices),
        cold=cold_calls(steps, rules, prices),
        decay=decay(steps),
        overlap=session_overlap(steps),
        next=next_call(steps, rules, prices, now_us) if now_us is not None else (),
        lost=lost(steps, rules, prices),
        sources=sources(steps, facts, prices),
    )


def state_of(warmth: float | None) -> State:
    """Hot, Warm or Cold; unknown when no prompt could have been read from a cache."""
    if warmth is None:
        return "unknown"
    return "Hot" if warmth >= HOT else "Warm" if warmth >= WARM else "Cold"
