"""Cache: prompts that repeat but were never cached, at a provider that caches on request.

What repeats is taken from the calls themselves: a call's prompt holds at least the prompt of
the session's call before it by the same agent, as long as it did not shrink and no hashes of both
say otherwise. Only gaps within the TTL count.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from finops_pack.levers._found import Found, place_of
from finops_pack.levers._lever import Lever, Work
from finops_pack.levers._prefix import Prompt
from finops_pack.levers._search import Session, SessionSearch
from finops_pack.model import CacheRules, Call


class _Terms(NamedTuple):
    """What caching would change in a session, by the prices on its first day."""

    rules: CacheRules
    gain: Decimal  # USD a token that is read, not sent in full
    premium: Decimal  # USD a token that is written


class _Session(Session):
    """Tokens that would have been read and written; nothing once a call was cached anyway."""

    __slots__ = ("_before", "_held", "_terms", "_written")

    def __init__(self, work: Work, first: Call) -> None:
        super().__init__(place_of(first))
        self._terms = _terms(work, first)
        self._before: Prompt | None = None
        self._held = self._written = 0

    def see(self, call: Call) -> None:
        if call.cached_tokens:
            self._terms = None
        if self._terms is None or not call.cache_known:
            return
        self.note(call)
        if call.input_tokens >= self._terms.rules.minimum_tokens:
            held = self._repeated(call, self._terms.rules)
            self._held += held
            self._written += call.input_tokens - held
        self._before = Prompt.of(call)

    def _repeated(self, call: Call, rules: CacheRules) -> int:
        before = self._before
        if before is None or call.start_us - before.start_us > rules.ttl_seconds * 1_000_000:
            return 0
        held = before.shared(call)
        return held if held >= rules.minimum_tokens else 0

    def settle(self) -> None:
        """Reads gained less write premiums paid."""
        if self._terms:
            self.usd = self._held * self._terms.gain - self._written * self._terms.premium


def _terms(work: Work, call: Call) -> _Terms | None:
    """None where the provider caches by itself, or a price is missing."""
    rules = work.prices.cache_rules(call)
    full = work.prices.paid(call, "input")
    read = work.prices.paid(call, "cache_read")
    write = work.prices.paid(call, "cache_write_5m")
    if rules is None or not rules.explicit or full is None or read is None or write is None:
        return None
    return _Terms(rules, full - read, write - full)


class Search(SessionSearch[_Session]):
    """One lever a model whose sessions resend their prompts at the full price."""

    session = _Session

    def of_model(self, model: str, found: Found) -> list[Lever]:
        """The lever on all its sessions."""
        return self.work.on_model(
            model,
            found,
            "cache",
            "Set cache breakpoints",
            f"{found.count} calls to {model} resent their prompts uncached; set cache breakpoints",
            low=found.usd / 2,
            effort="config",
            assumption="each prompt extends the one before it; writes at the 5-minute price",
        )
