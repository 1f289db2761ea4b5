"""Workflow: tasks bundled into a session that is still warm read its prefix, not rewrite it.

A session counts when its first call wrote (or paid in full) a prefix that another session had
in the cache within the TTL: the same leading blocks, by keyed hash.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from finops_pack.figures import count
from finops_pack.levers._found import Group, place_of
from finops_pack.levers._lever import Lever, Work
from finops_pack.levers._recent import Recent
from finops_pack.levers._search import LeverSearch
from finops_pack.model import Call
from finops_pack.sketch import common_blocks


class _Sent(NamedTuple):
    """The last call that began with a prefix."""

    start_us: int
    session: str
    prefix_hashes: tuple[str, ...]


class Search(LeverSearch):
    """One lever a project that starts cold sessions beside warm ones."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._last = Recent[_Sent]()
        self._started = Recent[bool]()
        self._saved: dict[str, Group] = {}

    def see(self, call: Call) -> None:
        """Compare the first call of a session with the last one that began alike."""
        if not call.session or not call.prefix_hashes:
            return
        key = (call.answered_by, call.prefix_hashes[0])
        before = self._last.get(key)
        if not self._started.get(call.session):
            self._started.put(call.session, True)
            if before and before.session != call.session:
                self._cold(before, call)
        self._last.put(key, _Sent(call.start_us, call.session, tuple(call.prefix_hashes)))

    def _cold(self, before: _Sent, call: Call) -> None:
        usd = _cold_start(self.work, before, call)
        if usd > 0:
            found = self._saved.setdefault(call.project or "", Group(place_of(call)))
            found.usd += usd
            found.note(call)

    def levers(self) -> Iterable[Lever]:
        """By project."""
        for project, found in self._saved.items():
            yield from self._lever(project, found)

    def _lever(self, project: str, found: Group) -> list[Lever]:
        return self.work.lever(
            "workflow",
            "Bundle tasks into warm sessions",
            found.usd,
            found.ids,
            f"{count(found.count, 'session')} began cold while another with the same prefix was "
            "warm; continue there",
            low=found.usd / 2,
            effort="workflow",
            assumption="the shared prefix blocks are read instead of written",
            subject=project,
            scope={"project": project},
        )


def _cold_start(work: Work, before: _Sent, call: Call) -> Decimal:
    """USD the first call paid for a prefix that was warm elsewhere."""
    rules = work.prices.cache_rules(call)
    if rules is None or call.cache_read_tokens or not call.cache_known:
        return Decimal(0)
    gap_us = call.start_us - before.start_us
    shared = common_blocks(before.prefix_hashes, call.prefix_hashes)
    # Hash n covers n² as much as the first.
    tokens = call.input_tokens * shared**2 // len(call.prefix_hashes) ** 2
    read = work.prices.paid(call, "cache_read")
    paid = work.prices.fresh_paid(call, tokens)
    warm = gap_us <= rules.ttl_seconds * 1_000_000 and tokens >= rules.minimum_tokens
    return paid - tokens * read if warm and read is not None and paid else Decimal(0)
