"""Segments of context in the calls that held them, and what they cost there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from finops_pack.model import Call, Segment
from finops_pack.waste._ground import Ground


def shared_by_processes(segments: Sequence[Segment]) -> bool:
    """Whether more than one process has seen prompts of this session."""
    return len({s.id.partition(".")[2] for s in segments}) > 1


def places_of(calls: Sequence[Call]) -> dict[str, int]:
    """Where each call stands among them."""
    return {call.id: place for place, call in enumerate(calls)}


def holders(segment: Segment, calls: Sequence[Call], places: Mapping[str, int]) -> list[Call]:
    """The calls that held it: from its first to its last call, of the same agent.

    Where one of the two lies outside of these calls, up to their beginning or end.
    """
    first, last = places.get(segment.first_call), places.get(segment.last_call)
    known = first if first is not None else last
    if known is None:
        return []
    whose = calls[known].agent
    between = calls[first or 0 : len(calls) if last is None else last + 1]
    held = [c for c in between if c.agent == whose and c.input_tokens]
    return held[-segment.calls_held :] if first is None else held[: segment.calls_held]


def pooled(segments: Iterable[Segment], places: Mapping[str, int]) -> list[Segment]:
    """One segment for each text, whatever number of processes saw it."""
    texts: dict[str, Segment] = {}
    for one in segments:
        text = one.id.partition(".")[0]
        other = texts.get(text, replace(one, calls_held=0))
        texts[text] = replace(
            other,
            calls_held=other.calls_held + one.calls_held,
            first_call=min(other.first_call, one.first_call, key=lambda c: places.get(c, 0)),
            last_call=max(other.last_call, one.last_call, key=lambda c: places.get(c, 0)),
        )
    return list(texts.values())


def usd_held(segment: Segment, held: Sequence[Call], ground: Ground) -> list[Decimal]:
    """What the segment cost at each call: fresh at the first, then read where it was cached.

    It stood within the first call's prompt, so a later call that read at least as much read it.
    Where cold cache has counted the difference to a read, only the read is left to count.
    """
    paid = []
    for call in held:
        end = min(held[0].input_tokens, call.input_tokens)
        read = call.cache_read_tokens >= end or ground.taken.of(call)
        fresh = call.id == segment.first_call or not read
        paid.append(segment.tokens * (ground.fresh(call) if fresh else ground.cached(call)))
    return paid
