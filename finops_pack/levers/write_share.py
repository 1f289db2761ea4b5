"""Cache: writes above 30 % of the dollars; the recommendation closes by itself below that."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from finops_pack.levers._lever import Lever, Work, for_writes
from finops_pack.levers._search import LeverSearch
from finops_pack.model import Call
from finops_pack.money import from_pico


class Search(LeverSearch):
    """At most one lever."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._pico = 0
        self._writes = Decimal(0)

    def see(self, call: Call) -> None:
        """Add what the call cost, and its cache writes."""
        self._pico += call.amount_pico
        self._writes += self.work.prices.writes_paid(call)

    def levers(self) -> Iterable[Lever]:
        """The recommendation, while the share is too high."""
        lever = for_writes(self._writes, from_pico(self._pico), self.work.days)
        return [lever] if lever else []
