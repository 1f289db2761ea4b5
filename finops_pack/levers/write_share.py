"""Cache: writes above 30 % of the dollars; the recommendation closes by itself below that."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from finops_pack.levers._lever import Lever, Work, for_writes
from finops_pack.model import Call


def find(work: Work) -> Iterable[Lever]:
    """At most one lever."""
    total = sum((call.amount_usd for call in work.calls), Decimal(0))
    writes = sum((_written(work, call) for call in work.calls), Decimal(0))
    lever = for_writes(writes, total, work.days)
    return [lever] if lever else []


def _written(work: Work, call: Call) -> Decimal:
    """What the call's cache writes cost in USD."""
    short = work.per_token(call, "cache_write_5m") or Decimal(0)
    long = work.per_token(call, "cache_write_1h") or Decimal(0)
    return call.cache_write_5m_tokens * short + call.cache_write_1h_tokens * long
