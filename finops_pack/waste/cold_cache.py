"""Cold cache: tokens paid in full that a call before had just sent.

lost = max(0, eligible prefix − tokens read) × (price paid − read price). Eligible is what a call
shares with the best call before it of the same conversation and model: by prefix hashes where both
have them; else, if any of these calls used a cache, the shorter of the two prompts. Where the
start of a prompt changed, only context that is known to stand in both counts. Not counted are
prefixes below the provider's minimum, losses below the grain of caches, calls that began before
the other had ended, and calls whose tokens are estimated: nobody told what was read of them. Each
loss has a cause; `provider_miss` is not yours to mend, the others are. Where a cache was at work
and the provider's cache facts or the price of a read are not on file, the tokens are unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from finops_pack.cache import LEAST, Step, cause_of
from finops_pack.figures import count, tokens, usd
from finops_pack.model import CacheRules, Call, Finding
from finops_pack.sessions import threads
from finops_pack.sketch import common_tokens
from finops_pack.waste._ground import Ground
from finops_pack.waste._held import places_of
from finops_pack.waste._say import named, one_task, some, unknown

CATEGORY = "cold_cache"
ORDER = 40
Whose = tuple[int, str]  # a conversation and a model: calls that may warm each other
RECENT = 8  # calls looked back at for the one with the longest common prefix
WHY = {
    "ttl_expired": "the cache had expired",
    "prefix_changed": "the start of the prompt had changed",
    "provider_miss": "the provider did not find it in its cache",
    "not_cached": "it was never written to the cache",
}
LEAST_RULES = CacheRules(1024, 300)  # where none are on file: no provider holds shorter prefixes
MENDS = {
    "ttl_expired": "call again before the cache expires, or pay for the longer lifetime where "
    "pauses are long (finops levers says where)",
    "prefix_changed": "keep what changes (times, ids, retrieved text) behind what does not",
    "provider_miss": "not yours to force; a fixed provider and a cache key per session help",
    "not_cached": "set a cache breakpoint behind the part that does not change",
}


class Loss(NamedTuple):
    """A call, the one that had sent its prefix before, how much was lost, and why."""

    call: Call
    before: Call
    tokens: int
    cause: str


def find(calls: Sequence[Call], ground: Ground) -> Iterable[Finding]:
    """At most one finding a session and cause, and one for what is unknown in it."""
    losses, blind = list[Loss](), list[Loss]()
    for loss in losses_of(calls, ground):
        (losses if _on_file(loss.call, ground) else blind).append(loss)
    for cause in WHY:
        mine = [loss for loss in losses if loss.cause == cause]
        paid = [(loss, ground.taken.claim(loss.call, usd_of(loss, ground))) for loss in mine]
        paid = [(loss, amount) for loss, amount in paid if amount]
        if paid:
            yield _finding(cause, paid)
    yield from _unknown([x for x in blind if x.call.cached_tokens or x.before.cached_tokens])


def _on_file(call: Call, ground: Ground) -> bool:
    prices = ground.prices
    return bool(prices.cache_rules(call)) and prices.per_token(call, "cache_read") is not None


def _unknown(losses: Sequence[Loss]) -> Iterator[Finding]:
    why = "the provider's cache facts or its price of a read are not on file"
    lost = sum(loss.tokens for loss in losses)
    yield from unknown(CATEGORY, why, [loss.call for loss in losses], lost)


def losses_of(calls: Sequence[Call], ground: Ground) -> Iterator[Loss]:
    """Every lost prefix that was long enough for the provider to hold it."""
    sent = [c for c in calls if c.input_tokens and not c.problems and c.cache_known]
    whose = _whose(calls)
    warm = {whose[call.id] for call in sent if call.cached_tokens}
    resent = _Resent(calls, ground)
    recent: dict[Whose, list[Call]] = {}
    for call in sent:
        past = recent.setdefault(whose[call.id], [])
        before = _best(call, past, whose[call.id] in warm)
        loss = _loss(call, before, resent) if before else None
        if loss is not None:
            yield loss
        past.append(call)
        del past[:-RECENT]


def usd_of(loss: Loss, ground: Ground) -> Decimal:
    """What the lost tokens cost beyond a read, USD."""
    return loss.tokens * max(Decimal(0), ground.fresh(loss.call) - ground.cached(loss.call))


def _whose(calls: Sequence[Call]) -> dict[str, Whose]:
    return {
        call.id: (thread, call.answered_by)
        for call, thread in zip(calls, threads(calls), strict=True)
    }


def _best(call: Call, past: Sequence[Call], warm: bool) -> Call | None:
    """The earlier call that shares most with this one: by hashes, else the one just before."""
    ended = [c for c in past if c.end_us <= call.start_us]
    if not ended:
        return None
    hashed = [c for c in ended if c.prefix_hashes and call.prefix_hashes]
    if not hashed:
        return ended[-1] if warm else None
    return max(
        hashed, key=lambda c: (common_tokens(c.prefix_hashes, call.prefix_hashes), c.start_us)
    )


def _loss(call: Call, before: Call, resent: _Resent) -> Loss | None:
    rules = resent.ground.prices.cache_rules(call) or LEAST_RULES
    cause = cause_of(Step(call, before), rules)
    eligible = min(before.input_tokens, call.input_tokens)
    if _parted(call, before):
        common = min(eligible, common_tokens(before.prefix_hashes, call.prefix_hashes))
        again = min(eligible, resent.tokens(call, before))
        eligible = max(common, again)
        cause = "prefix_changed" if again > common else cause
    lost = eligible - call.cache_read_tokens
    if lost < LEAST or eligible < rules.minimum_tokens:
        return None
    return Loss(call, before, lost, cause if cause in WHY else "provider_miss")


def _parted(call: Call, before: Call) -> bool:
    """Whether the hashes of both are known and say that one does not continue the other."""
    both = min(len(before.prefix_hashes), len(call.prefix_hashes))
    return both > 0 and list(before.prefix_hashes[:both]) != list(call.prefix_hashes[:both])


class _Resent:
    """The context segments of a session, by the calls that held them; asked in order of calls."""

    def __init__(self, calls: Sequence[Call], ground: Ground) -> None:
        self.ground = ground
        self._calls = calls
        self._held: list[tuple[int, int, int]] = []

    @cached_property
    def _places(self) -> dict[str, int]:
        return places_of(self._calls)

    @cached_property
    def _coming(self) -> list[tuple[int, int, int]]:
        """First call, last call and tokens of segments, the last to come first."""
        known = (
            (self._places.get(s.first_call), self._places.get(s.last_call), s.tokens)
            for s in self.ground.segments(self._calls)
        )
        whole = [(f, last, size) for f, last, size in known if f is not None and last is not None]
        return sorted(whole, reverse=True)

    def tokens(self, call: Call, before: Call) -> int:
        """Tokens of segments that both calls held, wherever they stood in the prompt."""
        at, earlier = self._places[call.id], self._places[before.id]
        while self._coming and self._coming[-1][0] <= earlier:
            self._held.append(self._coming.pop())
        self._held = [one for one in self._held if one[1] >= at]
        return sum(size for first, _, size in self._held if first <= earlier)


def _finding(cause: str, paid: Sequence[tuple[Loss, Decimal]]) -> Finding:
    lost = sum(loss.tokens for loss, _ in paid)
    dearest = sorted(paid, key=lambda item: -item[1])
    return Finding(
        category=CATEGORY,
        subtype=cause,
        title=f"{tokens(lost)} tokens paid again in {count(len(paid), 'call')}: {WHY[cause]}",
        calls=tuple(loss.call.id for loss, _ in paid),
        usd=sum((amount for _, amount in paid), Decimal(0)),
        basis="measured",
        confidence=0.9 if cause != "prefix_changed" else 0.7,
        evidence=some(dearest, _evidence),
        mend=MENDS[cause],
        task=one_task(loss.call for loss, _ in paid),
    )


def _evidence(paid: tuple[Loss, Decimal]) -> str:
    loss, amount = paid
    seconds = (loss.call.start_us - loss.before.start_us) / 1e6
    seen = loss.call.prefix_hashes and loss.before.prefix_hashes  # else their sizes alone are known
    lost = f"{'' if seen else 'up to '}{tokens(loss.tokens)}"
    return (
        f"{named(loss.call)} sent {tokens(loss.call.input_tokens)} tokens, of them {lost} "
        f"that call {loss.before.id} had sent {seconds:,.0f} s before and "
        f"that were not read from the cache: {usd(amount)} more than a read"
    )
