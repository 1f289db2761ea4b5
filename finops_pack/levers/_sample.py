"""What other prices would make of many calls: computed on a sample, applied to their exact sum.

The sample are the calls whose hashed ids are smallest, so it is the same in any order and
neither early nor late. Up to `SIZE` calls it is all of them, and the answer exact.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from finops_pack.model import Call, Facts, Usage
from finops_pack.model.call import price_context
from finops_pack.money import from_pico
from finops_pack.unit_prices import billed_share

SIZE = 1_000


class Brief(NamedTuple):
    """What it takes to price a call elsewhere once the call itself is gone: plain values."""

    start_us: int
    id: str
    model: str
    served_model: str
    provider: str | None
    processing: str | None
    service_tier: str | None
    region: str | None
    pico: int
    tokens: tuple[int, int, int, int, int, int]
    extra: Mapping[str, int]
    share: Decimal

    @classmethod
    def of(cls, call: Call) -> Brief:
        """A call in brief."""
        return cls(
            call.start_us, call.id, call.model, call.answered_by, call.provider,
            call.processing, call.service_tier, call.region, call.amount_pico,
            (call.input_tokens, call.output_tokens, call.cache_read_tokens,
             call.cache_write_5m_tokens, call.cache_write_1h_tokens, call.reasoning_tokens),
            call.extra, billed_share(call),
        )  # fmt: skip

    @property
    def usd(self) -> Decimal:
        """What it cost here."""
        return from_pico(self.pico)

    @property
    def context(self) -> dict[str, str]:
        """What its price depends on beside the tokens."""
        return price_context(self.processing, self.service_tier, self.region)

    @property
    def as_batch(self) -> dict[str, str]:
        """The context of the same call in a batch."""
        return {**self.context, "processing": "batch"}

    def cost(
        self, facts: Facts, model: str, context: Mapping[str, str] | None = None
    ) -> Decimal | None:
        """USD on that model in that context, billed as this one; None without a full price."""
        usage = Usage(*self.tokens, self.extra)
        at = datetime.fromtimestamp(self.start_us / 1e6, UTC)
        cost = facts.price(model, usage, provider=self.provider, at=at, context=context)
        if cost.usd is None or cost.state not in ("priced", "free"):
            return None
        return cost.usd * self.share


class Sample:
    """Calls of one kind: their number and sum are exact, some of them are kept in brief."""

    def __init__(self) -> None:
        self.count = 0
        self._pico = 0
        self._kept: list[tuple[int, int, Brief]] = []  # a heap, the largest hash first

    def add(self, call: Call | Brief) -> None:
        """Count a call, and keep it if it is one of the sample."""
        self.count += 1
        self._pico += call.pico if isinstance(call, Brief) else call.amount_pico
        rank = -_hash(call.id)
        if len(self._kept) < SIZE:
            heapq.heappush(self._kept, (rank, self.count, _brief(call)))
        elif rank > self._kept[0][0]:
            heapq.heapreplace(self._kept, (rank, self.count, _brief(call)))

    def kept(self) -> list[Brief]:
        """The calls that were kept, in order of start."""
        return sorted((brief for *_, brief in self._kept), key=lambda brief: brief[:2])

    def of_all(self, amount: Decimal) -> Decimal:
        """An amount of the kept calls as one of all, by the share of dollars that they are."""
        if self.count <= SIZE:
            return amount
        return amount * self._pico / sum(brief.pico for *_, brief in self._kept)


def _hash(call_id: str) -> int:
    digest = hashlib.blake2b(call_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def _brief(call: Call | Brief) -> Brief:
    return call if isinstance(call, Brief) else Brief.of(call)
