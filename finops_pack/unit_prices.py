"""What one token costs at a call: the arithmetic that the analyses share."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from finops_pack.model import TOKEN_FIELDS, Call, Facts

KINDS = {
    "input": ("input_tokens",),
    "cache_read": ("input_tokens", "cache_read_tokens"),
    "cache_write_5m": ("input_tokens", "cache_write_5m_tokens"),
    "cache_write_1h": ("input_tokens", "cache_write_1h_tokens"),
    "output": ("output_tokens",),
}
_PROBE = 1000
_EMPTY: dict[str, Any] = {**dict.fromkeys(TOKEN_FIELDS, 0), "extra": {}}
_DAY_US = 86_400_000_000


class UnitPrices:
    """USD of a token of each kind, at a call's model, provider, context and day.

    Below the first tier; asked once a model and day, which keeps 100,000 calls in seconds.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._known: dict[Any, Decimal | None] = {}

    def per_token(self, call: Call, kind: str) -> Decimal | None:
        """USD of one token of `kind` (a key of `KINDS`); None when it has no price."""
        model, day = call.served_model or call.model, call.start_us // _DAY_US
        context = (call.processing, call.service_tier, call.region)
        key = (model, call.provider, day, context, kind)
        if key not in self._known:
            self._known[key] = self._ask(call, kind)
        return self._known[key]

    def _ask(self, call: Call, kind: str) -> Decimal | None:
        probe = replace(call, **{**_EMPTY, **dict.fromkeys(KINDS[kind], _PROBE)})
        usd = price_of(self._facts, probe)
        return None if usd is None else usd / _PROBE

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
            (count * (self.per_token(call, kind) or Decimal(0)) for kind, count in parts if count),
            Decimal(0),
        )
        return paid * tokens / call.input_tokens


def price_of(facts: Facts, call: Call, **context: str) -> Decimal | None:
    """What the same call costs in another context; None where that has no full price."""
    cost = facts.price(
        call.served_model or call.model,
        call.usage,
        provider=call.provider,
        at=call.started_at,
        context={**call.context, **context},
    )
    return cost.usd if cost.state in ("priced", "free") else None
