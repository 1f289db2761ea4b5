"""Workflow: a long context compressed while its cache is warm is not written again after a pause.

Counted are rewrites after the cache had expired: what they paid for the lost prefix, less the
summary that is sent in its place, and less making it: one read of the prompt and its output.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from finops_pack.figures import count
from finops_pack.levers._found import Found, place_of
from finops_pack.levers._lever import Lever, Work
from finops_pack.levers._search import Session, SessionSearch
from finops_pack.model import Call

SUMMARY_TOKENS = 2000


class _Sent(NamedTuple):
    """What a call left in the cache."""

    start_us: int
    tokens: int
    cached: bool
    long: bool


class _Session(Session):
    """The rewrites of a session so far, and the call that the next one comes after."""

    __slots__ = ("_before", "_work")

    def __init__(self, work: Work, first: Call) -> None:
        super().__init__(place_of(first))
        self._work = work
        self._before: _Sent | None = None

    def see(self, call: Call) -> None:
        usd = _saving(self._work, self._before, call) if self._before else Decimal(0)
        if usd > 0:
            self.usd += usd
            self.note(call)
        self._before = _sent(call)


def _sent(call: Call) -> _Sent:
    cached, long = bool(call.cached_tokens), bool(call.cache_write_1h_tokens)
    return _Sent(call.start_us, call.input_tokens, cached, long)


def _saving(work: Work, before: _Sent, call: Call) -> Decimal:
    """USD that one rewrite would have cost less; at most 0 where it was none, or a short one."""
    lost = min(before.tokens, call.input_tokens) - call.cache_read_tokens
    if not (before.cached and call.cache_known) or lost <= SUMMARY_TOKENS:
        return Decimal(0)
    if not _expired(work, before, call):
        return Decimal(0)
    read, output = work.prices.paid(call, "cache_read"), work.prices.paid(call, "output")
    paid, instead = (work.prices.fresh_paid(call, tokens) for tokens in (lost, SUMMARY_TOKENS))
    if read is None or output is None or paid is None or instead is None:
        return Decimal(0)
    return paid - instead - before.tokens * read - SUMMARY_TOKENS * output


def _expired(work: Work, before: _Sent, call: Call) -> bool:
    rules = work.prices.cache_rules(call)
    if rules is None:
        return False
    return call.start_us - before.start_us > rules.ttl(long=before.long) * 1_000_000


class Search(SessionSearch[_Session]):
    """One lever a model whose sessions go on after their cache has expired."""

    session = _Session

    def of_model(self, model: str, found: Found) -> list[Lever]:
        """The lever on all its rewrites."""
        return self.work.on_model(
            model,
            found,
            "workflow",
            "Compress the context before the cache expires",
            f"{count(found.count, 'call')} to {model} paid for the whole context again after a "
            "pause; compress it while it is warm",
            low=found.usd / 2,
            effort="automatic",
            assumption=f"a summary of {SUMMARY_TOKENS:,} tokens stands in for the context",
        )
