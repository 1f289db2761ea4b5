"""Before the next call: `cold in 40 s; the next call costs $0.31 instead of $0.03`."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from finops_pack.cache._chains import Step
from finops_pack.cache._cold import premium
from finops_pack.model import Call
from finops_pack.money import plain, shown
from finops_pack.unit_prices import UnitPrices

SHOWN_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class NextCall:
    """A session's next call: seconds of warmth left (negative: cold since), and both prices."""

    session: str
    model: str
    seconds_left: int
    warm_usd: Decimal
    cold_usd: Decimal

    @property
    def text(self) -> str:
        """One sentence; both amounts are estimates for the prompt as it last was."""
        cold, warm = shown(self.cold_usd), shown(self.warm_usd)
        if self.seconds_left <= 0:
            return f"cold; the next call costs about {cold} instead of {warm}"
        return f"cold in {self.seconds_left} s; the next call then costs {cold} instead of {warm}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, amounts as decimal strings."""
        return {
            "session": self.session,
            "model": self.model,
            "seconds_left": self.seconds_left,
            "warm_usd": plain(self.warm_usd),
            "cold_usd": plain(self.cold_usd),
            "basis": "estimated",
            "text": self.text,
        }


class Upcoming:
    """The latest call of each session of the last day."""

    def __init__(self, prices: UnitPrices, now_us: int) -> None:
        self._prices = prices
        self._now_us = now_us
        self._latest: dict[tuple[str, str], Call] = {}

    def see(self, step: Step) -> None:
        """Remember the call, if its cache may still matter."""
        call = step.call
        if call.session and self._now_us - call.start_us <= SHOWN_S * 1_000_000:
            self._latest[call.session, call.answered_by] = call

    def rows(self) -> tuple[NextCall, ...]:
        """One row a session that cached something: the warm ones, soonest cold first, then those
        gone cold, the latest first.
        """
        rows = (_row(call, self._prices, self._now_us) for call in self._latest.values())
        return tuple(sorted((r for r in rows if r), key=_urgency))


def _urgency(row: NextCall) -> tuple[bool, int, str]:
    return row.seconds_left <= 0, abs(row.seconds_left), row.session


def _row(call: Call, prices: UnitPrices, now_us: int) -> NextCall | None:
    rules = prices.cache_rules(call)
    cached = call.cached_tokens
    age_s = (now_us - call.start_us) / 1e6
    read = prices.paid(call, "cache_read")
    if rules is None or read is None or not cached:
        return None
    ttl = rules.ttl(long=bool(call.cache_write_1h_tokens))
    warm = cached * read
    return NextCall(
        session=call.session or "",
        model=call.answered_by,
        seconds_left=int(ttl - age_s),
        warm_usd=warm,
        cold_usd=warm + cached * premium(call, prices),
    )
