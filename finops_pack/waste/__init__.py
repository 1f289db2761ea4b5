"""Avoidable dollars: one rule a file, found by name, disjoint in the order of their `ORDER`.

A rule has `CATEGORY`, `ORDER` and `find(calls, ground)`, which is given the calls of one session
in order of start and yields findings. It claims each dollar through `ground.taken`, so that no
dollar of a call counts twice and the categories never sum above the total. A rule that must see
everything first also has `finish(ground)`. A finding whose basis is `unknown` says how many
tokens nothing can be said of.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from functools import lru_cache
from types import ModuleType

from finops_pack import forks
from finops_pack.model import Call, Facts, Finding
from finops_pack.sessions import groups
from finops_pack.waste._ground import Ground
from finops_pack.waste._result import Category, Unknown, Waste
from finops_pack.waste._tally import Tally

__all__ = ["Category", "Unknown", "Waste", "find", "rules"]

BATCH = 1000  # calls, about, whose sessions' segments are asked for at once


def find(calls: Iterable[Call], facts: Facts, *, zone: tzinfo = UTC) -> Waste:
    """The avoidable dollars of these calls; `zone` is where the days of the result are.

    A sequence may come in any order; an iterator must be in order of start, and of it no more
    than the sessions of a day are held at once.
    """
    ground, tally = Ground(facts), Tally(zone)
    for batch in _batches(groups(calls)):
        ground.begin(batch)
        for session in batch:
            tally.add(_of_session(session, ground), {c.id: c.start_us for c in session})
    for rule in rules():
        if hasattr(rule, "finish"):
            tally.add(rule.finish(ground), ground.outputs.starts())
    return tally.waste(ground.total_usd, [rule.CATEGORY for rule in rules()])


def _batches(sessions: Iterator[list[Call]]) -> Iterator[list[list[Call]]]:
    batch, held = list[list[Call]](), 0
    for session in sessions:
        batch.append(session)
        held += len(session)
        if held >= BATCH:
            yield batch
            batch, held = [], 0
    yield batch


def _of_session(calls: Sequence[Call], ground: Ground) -> Iterator[Finding]:
    ground.taken.clear()
    guessed = {call.id for call in calls if call.usage_basis == "estimated"}
    for rule in rules():
        for found in rule.find(calls, ground):
            ours = found.basis == "measured" and found.usd and not guessed.isdisjoint(found.calls)
            yield replace(found, basis="estimated") if ours else found


@lru_cache(maxsize=1)
def rules() -> tuple[ModuleType, ...]:
    """The rules there are, in the order in which they claim."""
    names = (m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    with forks.barred():
        found = [importlib.import_module(f"finops_pack.waste.{name}") for name in names]
    return tuple(sorted(found, key=lambda rule: int(rule.ORDER)))
