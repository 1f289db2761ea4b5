"""What writing the cache cost, and what reading it saved."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from finops_pack.cache._chains import Step
from finops_pack.unit_prices import UnitPrices


@dataclass(frozen=True, slots=True)
class Writes:
    """Cache writes as shares (0–1) of input tokens and of dollars; they differ widely.

    `granted` counts tokens by the TTL the provider really gave: a tier that silently falls
    from 1h to 5m shows here.
    """

    tokens: int
    usd: Decimal
    token_share: float | None
    usd_share: float | None
    granted: dict[str, int]


class Money:
    """Adds up what calls wrote and saved.

    Saved is against the same prompts sent cold, net of what writing cost above plain input.
    """

    def __init__(self, prices: UnitPrices) -> None:
        self._prices = prices
        self._short = self._long = self._input = 0
        self._spent = self._written = self.saved_usd = Decimal(0)

    def see(self, step: Step) -> None:
        """Count one call."""
        call = step.call
        self._short += call.cache_write_5m_tokens
        self._long += call.cache_write_1h_tokens
        self._input += call.input_tokens
        self._spent += call.amount_usd
        wrote = self._prices.writes_paid(call)
        self._written += wrote
        full = self._prices.paid(call, "input")
        if full is not None and (call.cache_read_tokens or call.written_tokens):
            read = self._prices.paid(call, "cache_read")
            gain = Decimal(0) if read is None else call.cache_read_tokens * (full - read)
            self.saved_usd += gain - (wrote - call.written_tokens * full)

    def writes(self) -> Writes:
        """The write share in tokens and in dollars."""
        tokens = self._short + self._long
        return Writes(
            tokens=tokens,
            usd=self._written,
            token_share=tokens / self._input if self._input else None,
            usd_share=float(self._written / self._spent) if self._spent else None,
            granted={"5m": self._short, "1h": self._long},
        )
