"""Sources of context that the user named: how much of each was the same in the session before."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from finops_pack.cache._chains import Step
from finops_pack.model import Facts, Segment
from finops_pack.money import plain
from finops_pack.sessions import SILENT_US, session_of
from finops_pack.unit_prices import UnitPrices


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


@dataclass(slots=True)
class _Session:
    """A session that goes on: the cuts of each source by the hash of their text, and its prices."""

    project: str | None
    last_us: int
    cuts: dict[str, dict[str, Segment]]
    input_tokens: int = 0
    paid: Decimal = Decimal(0)


@dataclass(slots=True)
class _Sums:
    """One source in one project so far."""

    sessions: int = 0
    calls: int = 0
    usd: Decimal = Decimal(0)
    compared: int = 0
    same: int = 0
    newest: dict[str, Segment] = field(default_factory=dict)

    def add(self, cuts: dict[str, Segment], price: Decimal) -> None:
        """Count the source's cuts in one more session, at that price a token."""
        if self.sessions:
            self.compared += _tokens(cuts.values())
            self.same += _tokens(cut for text, cut in cuts.items() if text in self.newest)
        self.sessions += 1
        self.calls += max(cut.calls_held for cut in cuts.values())
        self.usd += price * sum(cut.tokens * cut.calls_held for cut in cuts.values())
        self.newest = cuts


class Sources:
    """What was named, session by session, in the order in which the sessions end."""

    def __init__(self, facts: Facts, prices: UnitPrices) -> None:
        self._facts = facts
        self._prices = prices
        self._open: OrderedDict[str, _Session] = OrderedDict()
        self._sums: defaultdict[tuple[str | None, str], _Sums] = defaultdict(_Sums)

    def learn(self, steps: Sequence[Step]) -> None:
        """Ask what the sessions of these steps held, before they are seen; close silent ones."""
        calls = {session_of(step.call): step.call for step in steps}
        self._close_silent(steps[0].call.start_us, calls)
        new = [name for name in calls if name not in self._open]
        for name in new:
            self._open[name] = _Session(calls[name].project, calls[name].start_us, {})
        for segment in self._facts.segments(new) if new else ():
            if segment.kind == "memory" and segment.source:
                cuts = self._open[segment.session].cuts.setdefault(segment.source, {})
                cuts[segment.id.partition(".")[0]] = segment

    def see(self, step: Step) -> None:
        """Count one call."""
        call, name = step.call, session_of(step.call)
        session = self._open[name]
        self._open.move_to_end(name)
        session.last_us = call.start_us
        if session.cuts:
            session.input_tokens += call.input_tokens
            session.paid += self._prices.input_paid(call, call.input_tokens)

    def _close_silent(self, now_us: int, going_on: Container[str]) -> None:
        for name, session in list(self._open.items()):
            if now_us - session.last_us <= SILENT_US:
                break
            if name not in going_on:
                self._close(self._open.pop(name))

    def _close(self, session: _Session) -> None:
        for source, cuts in session.cuts.items():
            price = session.paid / session.input_tokens  # the mean of the session's input
            self._sums[session.project, source].add(cuts, price)

    def rows(self) -> tuple[Source, ...]:
        """One row a source and project, dearest first."""
        while self._open:
            self._close(self._open.popitem(last=False)[1])
        rows = (
            Source(
                name=name,
                project=project,
                sessions=sums.sessions,
                calls=sums.calls,
                tokens=_tokens(sums.newest.values()),
                overlap=sums.same / sums.compared if sums.compared else None,
                usd=sums.usd,
            )
            for (project, name), sums in self._sums.items()
        )
        return tuple(sorted(rows, key=lambda row: (-row.usd, row.name, row.project or "")))


def _tokens(cuts: Iterable[Segment]) -> int:
    return sum(cut.tokens for cut in cuts)
