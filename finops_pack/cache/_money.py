"""What writing the cache cost, and what reading it saved."""

from __future__ import annotations

from collections.abc import Sequence
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


def writes(steps: Sequence[Step], prices: UnitPrices) -> Writes:
    """The write share in tokens and in dollars."""
    short = sum(step.call.cache_write_5m_tokens for step in steps)
    long = sum(step.call.cache_write_1h_tokens for step in steps)
    total = sum(step.call.input_tokens for step in steps)
    spent = sum((step.call.amount_usd for step in steps), Decimal(0))
    usd = sum((write_usd(step, prices) for step in steps if step.written), Decimal(0))
    return Writes(
        tokens=short + long,
        usd=usd,
        token_share=(short + long) / total if total else None,
        usd_share=float(usd / spent) if spent else None,
        granted={"5m": short, "1h": long},
    )


def write_usd(step: Step, prices: UnitPrices) -> Decimal:
    """What this call's cache writes cost in USD."""
    call = step.call
    return call.cache_write_5m_tokens * (
        prices.per_token(call, "cache_write_5m") or Decimal(0)
    ) + call.cache_write_1h_tokens * (prices.per_token(call, "cache_write_1h") or Decimal(0))


def saved(steps: Sequence[Step], prices: UnitPrices) -> Decimal:
    """USD saved against the same prompts sent cold, net of what writing cost above input."""
    usd = Decimal(0)
    for step in steps:
        call = step.call
        full = prices.per_token(call, "input")
        read = prices.per_token(call, "cache_read")
        if full is None or not (call.cache_read_tokens or step.written):
            continue
        if read is not None:
            usd += call.cache_read_tokens * (full - read)
        usd -= write_usd(step, prices) - step.written * full
    return usd
