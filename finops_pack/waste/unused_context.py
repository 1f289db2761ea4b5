"""Unused context: documents and tool results that were sent and that no answer made use of.

expected = Σ over segments of P(unused) × tokens × price paid at each call that held it: the
fresh price at its first call, then the read price where the cache held it. The probability is
scored over the rest of the session (`finops_pack.sketch`), so the amount is an expectation with
a range: at the low end only segments named at p > 0.9, the seed's narrow reading "never
referenced in the response"; at the high end 15 points more, the worst the score was measured to
be too low by. Instructions are not judged. Nothing is said of sessions whose prompts were not
seen whole by one process: their tokens are unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from finops_pack.figures import count, tokens, usd
from finops_pack.model import Call, Finding, Segment
from finops_pack.sketch import unused_probability
from finops_pack.waste._ground import Ground
from finops_pack.waste._held import holders, places_of, shared_by_processes, usd_held
from finops_pack.waste._say import WITHOUT_PRICE, named, one_task, some, unknown

__all__ = ["CATEGORY", "ORDER", "find", "unused_probability"]

CATEGORY = "unused_context"
ORDER = 50
NAMED = 0.9
NOT_JUDGED = ("tool_schema", "memory")  # a rule of its own; instructions as often as facts
TOO_LOW = Decimal("0.15")
MEND = "retrieve fewer or shorter passages, cut tool results to what was asked, drop old ones"


class Judged(NamedTuple):
    """A scored segment, the calls that held it, and what it cost at each."""

    segment: Segment
    calls: Sequence[Call]
    paid: Sequence[Decimal]

    @property
    def p(self) -> Decimal:
        """The probability that nothing made use of it."""
        return Decimal(str(self.segment.p_unused or 0))

    @property
    def usd(self) -> Decimal:
        """What all its copies cost."""
        return sum(self.paid, Decimal(0))


def find(calls: Sequence[Call], ground: Ground) -> Iterable[Finding]:
    """At most one finding a session, and one for what is unknown in it."""
    segments = [s for s in ground.segments(calls) if s.kind not in NOT_JUDGED]
    shared = shared_by_processes(ground.segments(calls))
    known = [] if shared else [s for s in segments if s.p_unused is not None]
    judged, places = [], places_of(calls)
    for segment in known:
        held = holders(segment, calls, places)
        judged.append(Judged(segment, held, usd_held(segment, held, ground)))
    paid = _claimed(judged, ground)
    if sum(paid.values()):
        left = sum((ground.taken.left(c) for c in calls if c.id in paid), Decimal(0))
        yield _finding(judged, paid, calls, left)
    yield from _without_price(judged, ground)
    yield from _unknown(calls, segments, shared)


def _claimed(judged: Sequence[Judged], ground: Ground) -> Mapping[str, Decimal]:
    """The expected amount of each call, as far as nobody else has claimed it."""
    wanted: dict[str, tuple[Call, Decimal]] = {}
    for one in judged:
        for call, amount in zip(one.calls, one.paid, strict=True):
            before = wanted.get(call.id, (call, Decimal(0)))[1]
            wanted[call.id] = (call, before + one.p * amount)
    return {key: ground.taken.claim(call, amount) for key, (call, amount) in wanted.items()}


def _finding(
    judged: Sequence[Judged], paid: Mapping[str, Decimal], calls: Sequence[Call], left: Decimal
) -> Finding:
    expected = sum(paid.values(), Decimal(0))
    whole = sum((one.usd for one in judged), Decimal(0))
    certain = [one for one in judged if one.p > NAMED]
    narrow = min(expected, sum((one.usd for one in certain), Decimal(0)))
    high = max(expected, min(whole, expected + TOO_LOW * whole, expected + left))
    sent = sum(one.segment.tokens * len(one.calls) for one in judged)
    share = sum((one.p * one.segment.tokens * len(one.calls) for one in judged), Decimal(0))
    at = {call.id: call for call in calls}
    return Finding(
        category=CATEGORY,
        title=f"of {tokens(sent)} context tokens about {share / sent:.0%} served no answer",
        calls=tuple(key for key, amount in paid.items() if amount),
        usd=expected,
        usd_low=narrow,
        usd_high=high,
        basis="estimated",
        confidence=0.7,
        evidence=(
            f"{count(len(judged), 'segment')} of context in {count(len(paid), 'call')}; never "
            f"referenced in any answer (the narrow reading): {usd(narrow)}",
            *some(sorted(certain, key=lambda one: -one.usd), lambda one: _named(one, at)),
        ),
        mend=MEND,
        task=one_task(call for one in judged for call in one.calls),
    )


def _named(one: Judged, at: Mapping[str, Call]) -> str:
    segment, first = one.segment, at.get(one.segment.first_call)
    where = named(first) if first else f"call {segment.first_call}"
    return (
        f"{segment.kind.replace('_', ' ')} of {tokens(segment.tokens)} tokens, first sent by "
        f"{where}, held by {count(len(one.calls), 'call')}: unused with p = {one.p:.2f}, "
        f"{usd(one.usd)}"
    )


def _without_price(judged: Sequence[Judged], ground: Ground) -> Iterable[Finding]:
    """The expected tokens where nobody knows what one costs, whatever a gateway billed in all."""
    held = [(one, call) for one in judged for call in one.calls if not ground.priced(call)]
    tokens = sum((one.p * one.segment.tokens for one, _ in held), Decimal(0))
    calls = {call.id: call for _, call in held}
    yield from unknown(CATEGORY, WITHOUT_PRICE, list(calls.values()), round(tokens))


def _unknown(calls: Sequence[Call], segments: Sequence[Segment], shared: bool) -> Iterable[Finding]:
    if not segments:
        blind = [call for call in calls if call.input_tokens and not _seen(call)]
        held = sum(call.input_tokens for call in blind)
        why = "the prompts were not seen, only their counts"
        yield from unknown(CATEGORY, why, blind, held)
        return
    open_ = [s for s in segments if shared or s.p_unused is None]
    longest: dict[str, int] = {}
    for segment in open_:
        text = segment.id.partition(".")[0]
        longest[text] = max(longest.get(text, 0), segment.tokens * segment.calls_held)
    why = "the session was shared by processes, cut off, or answered in another language"
    yield from unknown(CATEGORY, why, calls, sum(longest.values()))


def _seen(call: Call) -> bool:
    """Whether a process of ours read the prompt; a log's own hash of it says nothing of that."""
    return call.source == "live" and call.request_hash is not None
