"""Which calls are meant, and what they add up to."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal

from finops_pack.model.words import BillingMode


@dataclass(frozen=True, slots=True)
class Where:
    """Which calls are meant; times in Unix µs, `since_us` inclusive, `until_us` exclusive.

    `billing` None means metered and unknown together, i.e. money that somebody pays per call.
    """

    since_us: int | None = None
    until_us: int | None = None
    project: str | None = None
    task: str | None = None
    session: str | None = None
    agent: str | None = None
    action: str | None = None
    model: str | None = None
    tag: tuple[str, str] | None = None
    billing: BillingMode | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over calls; amounts exact USD. `key` is the value grouped by, None for all.

    `usd` is what counts as spent (billed, else priced); `list_usd` what our rates say of the
    same calls. Subscription calls are never mixed in: ask for them by billing mode.
    """

    key: str | None = None
    calls: int = 0
    requests: int = 0
    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    usd: Decimal = Decimal(0)
    list_usd: Decimal = Decimal(0)
    priced_calls: int = 0
    free_calls: int = 0
    partial_calls: int = 0
    unpriced_calls: int = 0
    unpriced_tokens: int = 0
    estimated_calls: int = 0
    invalid_calls: int = 0
    billed_calls: int = 0
    errors: int = 0
    extra_attempts: int = 0
    lost_ms: int = 0
    unseen_calls: int = 0  # cut off or timed out: nobody told their usage, they may be billed

    @property
    def without_rate(self) -> int:
        """Calls for which no rate was found; invalid or unknown counts tell nothing of rates."""
        return max(0, self.unpriced_calls - self.invalid_calls - self.unseen_calls)

    def __add__(self, other: Totals) -> Totals:
        summed = {
            f.name: getattr(self, f.name) + getattr(other, f.name)
            for f in fields(self)
            if f.name != "key"
        }
        return Totals(key=self.key, **summed)
