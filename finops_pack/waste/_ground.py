"""What the rules stand on: facts, prices paid, segments, and who has claimed which dollars."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from finops_pack.model import Call, Facts, Segment
from finops_pack.sessions import session_of
from finops_pack.unit_prices import UnitPrices
from finops_pack.waste._outputs import Outputs

NOTHING = Decimal(0)


class Taken:
    """The dollars of each call that a rule has claimed; nothing is claimed twice."""

    def __init__(self) -> None:
        self._claimed: dict[tuple[str, str], Decimal] = {}

    def clear(self) -> None:
        """Begin another session."""
        self._claimed.clear()

    def of(self, call: Call) -> Decimal:
        """USD of this call that were claimed."""
        return self._claimed.get(_key(call), NOTHING)

    def left(self, call: Call) -> Decimal:
        """USD of this call that nobody has claimed; never negative."""
        return max(NOTHING, call.amount_usd - self.of(call))

    def claim(self, call: Call, usd: Decimal | None = None) -> Decimal:
        """Claim this much of a call, all that is left by default; gives what was granted."""
        left = self.left(call)
        granted = left if usd is None else min(left, max(NOTHING, usd))
        if granted:
            self._claimed[_key(call)] = self.of(call) + granted
        return granted


def _key(call: Call) -> tuple[str, str]:
    return call.source, call.id


class Ground:
    """Facts and prices for all rules; one for a whole search."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.prices = UnitPrices(facts)
        self.taken = Taken()
        self.outputs = Outputs()
        self.total_usd = NOTHING
        self._segments: dict[str, list[Segment]] = {}

    def begin(self, batch: Sequence[Sequence[Call]]) -> None:
        """Learn the segments of these sessions, and what they cost."""
        self.total_usd += sum((call.amount_usd for calls in batch for call in calls), NOTHING)
        self._segments = {}
        for segment in self.facts.segments([session_of(calls[0]) for calls in batch]):
            self._segments.setdefault(segment.session, []).append(segment)

    def segments(self, calls: Sequence[Call]) -> list[Segment]:
        """The segments of a session's prompts."""
        return self._segments.get(session_of(calls[0]), [])

    def paid(self, call: Call, kind: str) -> Decimal:
        """USD paid for one token of `kind` at this call; 0 where that has no price."""
        return self.prices.paid(call, kind) or NOTHING

    def priced(self, call: Call) -> bool:
        """Whether it is known what a token of its prompt costs, whatever was billed in all."""
        return self.prices.per_token(call, "input") is not None

    def fresh(self, call: Call) -> Decimal:
        """USD a token of this prompt that no cache held: the mean of plain and written ones."""
        parts = (
            ("input", call.usage.uncached_tokens),
            ("cache_write_5m", call.cache_write_5m_tokens),
            ("cache_write_1h", call.cache_write_1h_tokens),
        )
        held = [(kind, tokens) for kind, tokens in parts if tokens > 0]
        if len(held) < 2:
            return self.paid(call, held[0][0] if held else "input")
        spent = sum((tokens * self.paid(call, kind) for kind, tokens in held), NOTHING)
        return spent / sum(tokens for _, tokens in held)

    def cached(self, call: Call) -> Decimal:
        """USD a token read from the cache; the plain price where reads have none."""
        if self.prices.per_token(call, "cache_read") is None:
            return self.paid(call, "input")
        return self.paid(call, "cache_read")
