"""Before the next call: `cold in 40 s; the next call costs $0.31 instead of $0.03`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from finops_pack.cache._chains import Step
from finops_pack.cache._cold import premium
from finops_pack.cache._rules import Rules
from finops_pack.model import Call
from finops_pack.money import plain
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
        places = 2 if self.cold_usd >= Decimal("0.1") else 4
        cold, warm = f"${self.cold_usd:.{places}f}", f"${self.warm_usd:.{places}f}"
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


def next_call(
    steps: Sequence[Step], facts: Rules, prices: UnitPrices, now_us: int
) -> tuple[NextCall, ...]:
    """One row a session that cached something in the last day: the warm ones, soonest cold first,
    then those gone cold, the latest first.
    """
    latest: dict[tuple[str, str], Call] = {}
    for step in steps:
        if step.call.session:
            latest[(step.call.session, step.call.served_model or step.call.model)] = step.call
    rows = (_row(call, facts, prices, now_us) for call in latest.values())
    return tuple(sorted((r for r in rows if r), key=_urgency))


def _urgency(row: NextCall) -> tuple[bool, int, str]:
    return row.seconds_left <= 0, abs(row.seconds_left), row.session


def _row(call: Call, facts: Rules, prices: UnitPrices, now_us: int) -> NextCall | None:
    rules = facts.of(call)
    cached = call.cache_read_tokens + call.cache_write_5m_tokens + call.cache_write_1h_tokens
    age_s = (now_us - call.start_us) / 1e6
    read = prices.per_token(call, "cache_read")
    if rules is None or read is None or not cached or age_s > SHOWN_S:
        return None
    ttl = rules.ttl_seconds
    if call.cache_write_1h_tokens and rules.long_ttl_seconds:
        ttl = rules.long_ttl_seconds
    warm = cached * read
    return NextCall(
        session=call.session or "",
        model=call.served_model or call.model,
        seconds_left=int(ttl - age_s),
        warm_usd=warm,
        cold_usd=warm + cached * premium(call, prices),
    )
