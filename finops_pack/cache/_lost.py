"""Lost prefixes: what the call before had sent too and what was paid again instead of read.

Counted before anything is held to be too small or claimed otherwise; what `finops waste` calls
cold cache is the part of it that counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from finops_pack.cache._chains import Step
from finops_pack.cache._cold import beyond_read, cause_of
from finops_pack.money import plain
from finops_pack.unit_prices import UnitPrices

LEAST = 128  # tokens lost at a call: providers cache in steps of about that size


@dataclass(frozen=True, slots=True)
class Lost:
    """Calls that lost a prefix for the same cause, its tokens, and USD beyond a read.

    Of `unpriced_tokens` of them nobody knows what they cost, or what a read would have.
    """

    cause: str
    calls: int = 0
    tokens: int = 0
    usd: Decimal = Decimal(0)
    unpriced_tokens: int = 0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, the amount as a decimal string."""
        tokens = {"tokens": self.tokens, "unpriced_tokens": self.unpriced_tokens}
        return {"calls": self.calls, **tokens, "usd": plain(self.usd)}


class Losses:
    """One row a cause; nothing of providers whose cache facts are not on file."""

    def __init__(self, prices: UnitPrices) -> None:
        self._prices = prices
        self._rows: dict[str, Lost] = {}

    def see(self, step: Step) -> None:
        """Count what one call lost."""
        tokens = step.shared - step.call.cache_read_tokens
        rules = self._prices.cache_rules(step.call) if tokens > 0 else None
        if rules is None:
            return
        cause = cause_of(step, rules) if tokens >= LEAST else "below_minimum"
        row, usd = self._rows.get(cause, Lost(cause)), beyond_read(step.call, tokens, self._prices)
        unpriced = tokens if self._prices.per_token(step.call, "cache_read") is None else 0
        self._rows[cause] = Lost(
            cause,
            row.calls + 1,
            row.tokens + tokens,
            row.usd + usd,
            row.unpriced_tokens + unpriced,
        )

    def rows(self) -> tuple[Lost, ...]:
        """Dearest first."""
        return tuple(sorted(self._rows.values(), key=lambda row: (-row.usd, row.cause)))
