"""Cold calls: nothing was read although a prefix was there to be read, and why."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter

from finops_pack.cache._chains import Step
from finops_pack.model import CacheRules, Call
from finops_pack.stats import Top
from finops_pack.unit_prices import UnitPrices, fresh_kind

CAUSES = ("first", "ttl_expired", "prefix_changed", "below_minimum", "provider_miss", "not_cached")

KEPT = 1000

# A prompt that lost more than this share of its predecessor was compacted or rewritten.
SHRUNK = 0.8


@dataclass(frozen=True, slots=True)
class ColdCall:
    """A call that read nothing from the cache; `usd` is what that cost beyond a read."""

    call: str
    cause: str
    tokens: int
    usd: Decimal
    gap_s: float | None


class Cold:
    """Every cold call at a provider whose cache facts are on file.

    `causes` are their number and the USD lost, by cause; of the calls the dearest are kept.
    """

    def __init__(self, prices: UnitPrices) -> None:
        self._prices = prices
        self.causes: dict[str, tuple[int, Decimal]] = {}
        self._kept = Top[tuple[int, ColdCall]](KEPT, lambda item: (-item[1].usd, item[0]))

    def see(self, step: Step) -> None:
        """Count one call if it was cold."""
        rules = None if step.call.cache_read_tokens else self._prices.cache_rules(step.call)
        if rules is None or (step.before is None and not step.call.written_tokens):
            return  # nothing was expected of a first call that paid for no write
        cause = cause_of(step, rules)
        tokens = 0 if cause in ("first", "below_minimum") else step.shared
        usd = beyond_read(step.call, tokens, self._prices)
        count, sum_usd = self.causes.get(cause, (0, Decimal(0)))
        self.causes[cause] = (count + 1, sum_usd + usd)
        cold = ColdCall(step.call.id, cause, tokens, usd, step.gap_s)
        self._kept.add((self._kept.seen, cold))

    def dearest(self) -> tuple[ColdCall, ...]:
        """In order of start."""
        return tuple(cold for _, cold in sorted(self._kept, key=itemgetter(0)))


def cause_of(step: Step, rules: CacheRules) -> str:
    """The most likely cause, one of `CAUSES`, from the gap, the sizes and the prefix hashes."""
    call, before = step.call, step.before
    if before is None:
        return "first"
    if step.shared < rules.minimum_tokens:
        return "below_minimum"
    if (step.gap_s or 0) > rules.ttl(long=bool(before.cache_write_1h_tokens)):
        return "ttl_expired"
    if _prefix_changed(before, call):
        return "prefix_changed"
    if rules.explicit and not before.cached_tokens:
        return "not_cached"
    # Where the user sets the breakpoints, what was read ends where the prompts part.
    return "prefix_changed" if rules.explicit and call.cache_read_tokens else "provider_miss"


def beyond_read(call: Call, tokens: int, prices: UnitPrices) -> Decimal:
    """USD that a call paid for the first `tokens` it sent anew beyond a read; 0 where unknown."""
    paid, read = prices.fresh_paid(call, tokens), prices.paid(call, "cache_read")
    if paid is None or read is None:
        return Decimal(0)
    return max(Decimal(0), paid - tokens * read)


def premium(call: Call, prices: UnitPrices) -> Decimal:
    """USD a token that a call would pay cold beyond the read price; 0 where that is unknown."""
    paid, read = prices.paid(call, fresh_kind(call)), prices.paid(call, "cache_read")
    return max(Decimal(0), paid - read) if paid is not None and read is not None else Decimal(0)


def _prefix_changed(before: Call, call: Call) -> bool:
    if before.prefix_hashes and call.prefix_hashes:
        return before.prefix_hashes[0] != call.prefix_hashes[0]
    return call.input_tokens < SHRUNK * before.input_tokens
