"""What one token costs at a call, and what its provider's cache does: asked once for all calls."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from finops_pack.model import CacheRules, Call, Facts, Usage

KINDS = {
    "input": ("input_tokens",),
    "cache_read": ("input_tokens", "cache_read_tokens"),
    "cache_write_5m": ("input_tokens", "cache_write_5m_tokens"),
    "cache_write_1h": ("input_tokens", "cache_write_1h_tokens"),
    "output": ("output_tokens",),
}
_PROBE = 1000
_SHORT = 32_000  # no table has a dearer tier for a prompt up to this
_STEP = 4_000  # tiers begin at multiples of it, but for two: there the booked rate tells
_ONE = Decimal(1)


def size_of(tokens: int) -> int:
    """Prompts of one size are of one tier."""
    return (tokens - 1) // _STEP if tokens > _SHORT else 0


def billed_share(call: Call) -> Decimal:
    """What was billed as a share of what our rates say; 1 where either is not known in full."""
    if call.billed_pico is None or not call.cost_pico or call.cost_state != "priced":
        return _ONE
    return Decimal(call.billed_pico) / call.cost_pico


def fresh_kind(call: Call) -> str:
    """What most of a prompt that no cache held is paid as, a key of `KINDS`."""
    if call.cache_write_1h_tokens:
        return "cache_write_1h"
    return "cache_write_5m" if call.cache_write_5m_tokens else "input"


class UnitPrices:
    """USD of a token of each kind, at a call's model, provider, context, time and tier.

    Asked once for all calls alike, which keeps 100,000 calls in seconds: those of one day and
    one size that were booked at one rate, since hours of a day may have prices of their own.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._known: dict[Any, Decimal | None] = {}
        self._rules: dict[tuple[str | None, str, int], CacheRules | None] = {}

    def cache_rules(self, call: Call) -> CacheRules | None:
        """The provider's cache facts on the day of this call; None when not on file."""
        key = (call.provider, call.model, call.day)
        if key not in self._rules:
            found = self._facts.cache_rules(call.provider, call.model, call.started_at)
            self._rules[key] = found
        return self._rules[key]

    def per_token(self, call: Call, kind: str) -> Decimal | None:
        """USD of one token of `kind` (a key of `KINDS`) by our rates; None without a price."""
        context = (call.processing, call.service_tier, call.region)
        when = call.day, call.rate_id, size_of(call.input_tokens)
        key = (call.served_model, call.model, call.provider, when, context, kind)
        if key not in self._known:
            self._known[key] = self._ask(call, kind)
        return self._known[key]

    def paid(self, call: Call, kind: str) -> Decimal | None:
        """The same as it was billed: where that is another amount, all kinds are off alike."""
        price = self.per_token(call, kind)
        return None if price is None else price * billed_share(call)

    def fresh_paid(self, call: Call, tokens: int) -> Decimal | None:
        """USD paid for the first `tokens` that no cache held: what was written is before the rest.

        None without a price of them.
        """
        usd = Decimal(0)
        written = (
            ("cache_write_1h", call.cache_write_1h_tokens),
            ("cache_write_5m", call.cache_write_5m_tokens),
        )
        for kind, count in (*written, ("input", tokens)):
            part = min(count, tokens)
            price = self.paid(call, kind) if part else Decimal(0)
            if price is None:
                return None
            usd, tokens = usd + part * price, tokens - part
        return usd

    def _ask(self, call: Call, kind: str) -> Decimal | None:
        size = call.input_tokens if size_of(call.input_tokens) else 0
        if kind != "output":
            usd = self._of(call, dict.fromkeys(KINDS[kind], size or _PROBE))
            return None if usd is None else usd / (size or _PROBE)
        prompt = {"input_tokens": size}
        usd, without = self._of(call, {**prompt, "output_tokens": _PROBE}), self._of(call, prompt)
        return None if usd is None or without is None else (usd - without) / _PROBE

    def _of(self, call: Call, counts: Mapping[str, Any]) -> Decimal | None:
        """By the model that served, else the one asked for, as the call itself was priced."""
        terms: Any = {"provider": call.provider, "at": call.started_at, "context": call.context}
        for model in filter(None, (call.served_model, call.model)):
            cost = self._facts.price(model, Usage(**counts), **terms)
            if cost.state in ("priced", "free"):
                return cost.usd
        return None

    def writes_paid(self, call: Call) -> Decimal:
        """USD paid for what this call wrote to a cache."""
        short = self.paid(call, "cache_write_5m") if call.cache_write_5m_tokens else None
        long = self.paid(call, "cache_write_1h") if call.cache_write_1h_tokens else None
        usd = call.cache_write_5m_tokens * (short or Decimal(0))
        return usd + call.cache_write_1h_tokens * (long or Decimal(0))

    def input_paid(self, call: Call, tokens: int) -> Decimal:
        """USD paid for `tokens` of this call's prompt at the mean price of its input."""
        if not call.input_tokens:
            return Decimal(0)
        parts = (
            ("input", call.usage.uncached_tokens),
            ("cache_read", call.cache_read_tokens),
            ("cache_write_5m", call.cache_write_5m_tokens),
            ("cache_write_1h", call.cache_write_1h_tokens),
        )
        paid = sum(
            (count * (self.paid(call, kind) or Decimal(0)) for kind, count in parts if count),
            Decimal(0),
        )
        return paid * tokens / call.input_tokens
