"""How warm the prompt cache is: hit rate against what was attainable, writes, cold calls, decay.

hit        = Σ cache reads ÷ Σ input tokens
attainable = Σ min(previous prompt, prompt) ÷ Σ input tokens, within a session and model
warmth     = hit ÷ attainable: Hot from 95 %, Warm from 50 %, else Cold

Calls whose tokens are estimated have no part in these: nobody told what a cache held of them.
Pure functions of calls and dated provider facts; nothing here knows a price or a TTL itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from decimal import Decimal
from itertools import islice
from typing import Any, Literal, Protocol

from finops_pack.cache._chains import Step, chains
from finops_pack.cache._cold import CAUSES, Cold, ColdCall, cause_of
from finops_pack.cache._decay import Decay, Overlap, Warmth
from finops_pack.cache._lost import LEAST, Losses, Lost
from finops_pack.cache._money import Money, Writes
from finops_pack.cache._next import NextCall, Upcoming
from finops_pack.cache._sources import Source, Sources
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
    "Source",
    "Step",
    "analyse",
    "cause_of",
    "chains",
    "write_shares",
]

State = Literal["Hot", "Warm", "Cold", "unknown"]
HOT, WARM = 0.95, 0.50
TARGET = 0.95
BATCH = 1000  # steps whose sessions are asked about at once


@dataclass(frozen=True, slots=True)
class CacheReport:
    """Shares are 0–1, None where nothing was eligible; amounts USD.

    `saved_usd` is what reads saved against cold starts, net of write premiums. `overlap` is
    the share of prefix tokens that sessions had in common with the one before them. `lost` are
    prefixes paid again, `sources` what the user named (`finops_pack.context_source`). Of very
    many cold calls the dearest thousand are kept in `cold`; `cold_by_cause` are all of them, as
    their number and the USD lost. `unseen_calls` are left out of all that says what was read.
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
    cold_by_cause: Mapping[str, tuple[int, Decimal]] = field(default_factory=dict)
    unseen_calls: int = 0

    @property
    def lost_usd(self) -> Decimal:
        """What all lost prefixes cost beyond a read."""
        return sum((row.usd for row in self.lost), Decimal(0))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, amounts as decimal strings."""
        causes = {
            cause: {"calls": count, "usd": plain(usd)}
            for cause, (count, usd) in self.cold_by_cause.items()
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
            "unseen_calls": self.unseen_calls,
            "cold_calls": sum(count for count, _ in self.cold_by_cause.values()),
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
    """The report over these calls; with `now_us` also what the next call of each session costs.

    A sequence may come in any order; an iterator must be in order of start, and is not held.
    """
    prices = UnitPrices(facts)
    rates, money, sources = _Rates(), Money(prices), Sources(facts, prices)
    cold, losses = Cold(prices), Losses(prices)
    warmth, overlap = Warmth(), Overlap()
    upcoming = None if now_us is None else Upcoming(prices, now_us)
    each: list[_Part] = [rates, money, sources, overlap]
    each += [upcoming] if upcoming else []
    told: list[_Part] = [*each, cold, losses, warmth]
    steps = chains(calls)
    while some := list(islice(steps, BATCH)):
        sources.learn(some)
        for step in some:
            for part in told if step.known else each:
                part.see(step)
    return CacheReport(
        calls=rates.calls,
        input_tokens=rates.total,
        hit=rates.of_known(rates.read),
        attainable=rates.of_known(rates.could),
        warmth=rates.warmth,
        state=state_of(rates.warmth),
        writes=money.writes(),
        saved_usd=money.saved_usd,
        cold=cold.dearest(),
        decay=warmth.rows(),
        overlap=overlap.share(),
        next=upcoming.rows() if upcoming else (),
        lost=losses.rows(),
        sources=sources.rows(),
        cold_by_cause=cold.causes,
        unseen_calls=rates.unseen,
    )


def write_shares(calls: Iterable[Call], facts: Facts, zone: tzinfo) -> dict[str, Decimal]:
    """What cache writes were of each calendar day's dollars, 0-1, by ISO date."""
    prices = UnitPrices(facts)
    days: dict[str, Money] = {}
    for step in chains(calls):
        day = step.call.started_at.astimezone(zone).date().isoformat()
        days.setdefault(day, Money(prices)).see(step)
    return {day: Decimal(str(money.writes().usd_share or 0)) for day, money in days.items()}


class _Part(Protocol):
    """One question to all steps, which are seen in order of start."""

    def see(self, step: Step) -> None: ...


class _Rates:
    """Tokens that were read, and that could have been."""

    def __init__(self) -> None:
        self.calls = self.unseen = self.total = self.known = self.read = self.could = 0

    def see(self, step: Step) -> None:
        self.calls += 1
        self.unseen += not step.call.cache_known
        self.total += step.call.input_tokens
        if step.known:
            self.known += step.call.input_tokens
            self.read += step.call.cache_read_tokens
            self.could += step.shared

    def of_known(self, tokens: int) -> float | None:
        return tokens / self.known if self.known else None

    @property
    def warmth(self) -> float | None:
        # A cache shared between sessions can read more than a session's own past: not over 1.
        return min(1.0, self.read / self.could) if self.could else None


def state_of(warmth: float | None) -> State:
    """Hot, Warm or Cold; unknown when no prompt could have been read from a cache."""
    if warmth is None:
        return "unknown"
    return "Hot" if warmth >= HOT else "Warm" if warmth >= WARM else "Cold"
