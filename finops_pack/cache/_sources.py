"""Sources of context that the user named: how much of each was the same in the session before."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from finops_pack.cache._chains import Step
from finops_pack.model import Facts, Segment
from finops_pack.money import plain
from finops_pack.unit_prices import UnitPrices

BATCH = 500  # sessions asked for at once


@dataclass(frozen=True, slots=True)
class Source:
    """`tokens` is its size in the newest session; `overlap` the share of its tokens (0–1) that
    the session before held too, None with one session; `usd` what sending it cost, estimated.
    """

    name: str
    project: str | None
    sessions: int
    calls: int
    tokens: int
    overlap: float | None
    usd: Decimal

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, the amount as a decimal string."""
        return {
            "name": self.name,
            "project": self.project,
            "sessions": self.sessions,
            "calls": self.calls,
            "tokens": self.tokens,
            "overlap": None if self.overlap is None else round(self.overlap, 4),
            "usd": plain(self.usd),
            "basis": "estimated",
        }


Cuts = dict[str, Segment]  # by the hash of their text
Found = dict[tuple[str | None, str], dict[str, Cuts]]  # (project, source) -> session -> cuts


def sources(steps: Sequence[Step], facts: Facts, prices: UnitPrices) -> tuple[Source, ...]:
    """One row a source and project, dearest first."""
    sessions: dict[str, list[Step]] = {}
    for step in steps:
        call = step.call
        sessions.setdefault(call.session or call.task or call.id, []).append(step)
    found: Found = {}
    for segment in _named(list(sessions), facts):
        project = sessions[segment.session][0].call.project
        held = found.setdefault((project, segment.source or ""), {})
        held.setdefault(segment.session, {})[segment.id.partition(".")[0]] = segment
    rows = (_source(key, held, sessions, prices) for key, held in found.items())
    return tuple(sorted(rows, key=lambda row: (-row.usd, row.name, row.project or "")))


def _named(sessions: Sequence[str], facts: Facts) -> Iterable[Segment]:
    for start in range(0, len(sessions), BATCH):
        for segment in facts.segments(sessions[start : start + BATCH]):
            if segment.kind == "memory" and segment.source:
                yield segment


def _source(
    key: tuple[str | None, str],
    held: Mapping[str, Cuts],
    sessions: Mapping[str, Sequence[Step]],
    prices: UnitPrices,
) -> Source:
    project, name = key
    ordered = [held[session] for session in sessions if session in held]
    return Source(
        name=name,
        project=project,
        sessions=len(ordered),
        calls=sum(max(s.calls_held for s in cuts.values()) for cuts in ordered),
        tokens=_tokens(ordered[-1].values()),
        overlap=_overlap(ordered),
        usd=sum((_usd(cuts, sessions[s], prices) for s, cuts in held.items()), Decimal(0)),
    )


def _tokens(cuts: Iterable[Segment]) -> int:
    return sum(cut.tokens for cut in cuts)


def _overlap(ordered: Sequence[Cuts]) -> float | None:
    """Over all sessions but the first; `ordered` by their first call."""
    total = sum(_tokens(cuts.values()) for cuts in ordered[1:])
    same = sum(
        _tokens(cut for text, cut in cuts.items() if text in before)
        for before, cuts in itertools.pairwise(ordered)
    )
    return same / total if total else None


def _usd(cuts: Cuts, steps: Sequence[Step], prices: UnitPrices) -> Decimal:
    """At the mean price of the session's input."""
    sent = sum(step.call.input_tokens for step in steps)
    paid = sum((prices.input_paid(s.call, s.call.input_tokens) for s in steps), Decimal(0))
    return paid / sent * sum(cut.tokens * cut.calls_held for cut in cuts.values())
