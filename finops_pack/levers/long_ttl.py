"""Cache: the one-hour TTL where pauses between 5 minutes and an hour force rewrites.

Counterfactual per session: every 5-minute write is paid at the 1-hour price, and what was
rewritten after such a pause is read instead. It often loses, so only sessions that would gain
are named; the others are better left on the short TTL.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from finops_pack.figures import count
from finops_pack.levers._found import Found, place_of
from finops_pack.levers._lever import Lever, Work
from finops_pack.levers._prefix import Prompt
from finops_pack.levers._search import Session, SessionSearch
from finops_pack.model import Call


class _Terms(NamedTuple):
    """What the long TTL would change in a session, by the prices on its first day."""

    ttl_us: int
    long_ttl_us: int
    gain: Decimal  # USD a token that is read, not written again
    premium: Decimal  # USD a token that is written for longer


class _Session(Session):
    """Tokens written anew only because the short TTL had run out, and those written anyway."""

    __slots__ = ("_before", "_rewritten", "_terms", "_written")

    def __init__(self, work: Work, first: Call) -> None:
        super().__init__(place_of(first))
        self._terms = _terms(work, first)
        self._before: Prompt | None = None
        self._rewritten = self._written = 0

    def see(self, call: Call) -> None:
        if self._terms is None:
            return
        self.note(call)
        rewritten = self._lost(call, self._terms)
        self._rewritten += rewritten
        self._written += call.cache_write_5m_tokens - rewritten
        self._before = Prompt.of(call)

    def _lost(self, call: Call, terms: _Terms) -> int:
        if self._before is None:
            return 0
        if not terms.ttl_us < call.start_us - self._before.start_us <= terms.long_ttl_us:
            return 0
        lost = max(0, self._before.shared(call) - call.cache_read_tokens)
        return min(lost, call.cache_write_5m_tokens)

    def settle(self) -> None:
        """What is read instead, less the premium on the other writes."""
        if self._terms:
            gain = self._rewritten * self._terms.gain
            self.usd = gain - self._written * self._terms.premium


def _terms(work: Work, call: Call) -> _Terms | None:
    """None where there is no longer TTL, or a price is missing."""
    rules = work.prices.cache_rules(call)
    read = work.prices.paid(call, "cache_read")
    short = work.prices.paid(call, "cache_write_5m")
    long = work.prices.paid(call, "cache_write_1h")
    if rules is None or not rules.long_ttl_seconds or read is None or not short or not long:
        return None
    ttl_us, long_ttl_us = rules.ttl_seconds * 1_000_000, rules.long_ttl_seconds * 1_000_000
    return _Terms(ttl_us, long_ttl_us, short - read, long - short)


class Search(SessionSearch[_Session]):
    """One lever a model whose sessions pause longer than the short cache lives."""

    session = _Session

    def of_model(self, model: str, found: Found) -> list[Lever]:
        """The lever on the sessions that would gain."""
        return self.work.on_model(
            model,
            found,
            "cache",
            "Use the one-hour cache where sessions pause",
            f"{count(found.groups, 'session')} on {model} paused longer than the short cache "
            "lives; the one-hour cache there pays, premium included",
            low=Decimal(0),
            effort="config",
            assumption="writes after a pause of 5 to 60 minutes become reads of the same prefix",
        )
