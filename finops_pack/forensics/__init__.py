"""Why a task cost more than usual: one failure mode a file, found by name.

A mode has `MODE` and `find(run: Run, population: Population) -> Iterable[Finding]`.
A finding's dollars are the excess over the usual; modes may explain the same dollars, so they
are causes, not parts of a sum (the parts are in `waste`).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from operator import attrgetter
from types import ModuleType

from finops_pack import forks
from finops_pack.forensics._runs import Population, Run, runs_of
from finops_pack.forensics._shape import Relation, relations
from finops_pack.model import Call, Facts, Finding
from finops_pack.stats import Top

__all__ = ["Population", "Relation", "Run", "find", "relations"]

KEPT = 2_000


def find(
    calls: Iterable[Call], facts: Facts, *, task: str | Collection[str] | None = None
) -> list[Finding]:
    """The failure modes seen in these calls, the two thousand dearest; `task` asks about some only.

    The other tasks are what is usual, so hand in a whole period either way. The calls are read
    twice, first for what is usual: an iterator, which can be read only once, is held.
    """
    if isinstance(calls, Iterator):
        calls = list(calls)
    population = Population(runs_of(calls), facts)
    asked = {task} if isinstance(task, str) else task
    found = Top[Finding](KEPT, attrgetter("rank"))
    for run in runs_of(calls):
        if asked is None or run.id in asked:
            for mode in modes():
                for finding in mode.find(run, population):
                    found.add(finding)
    return list(found)


@lru_cache(maxsize=1)
def modes() -> tuple[ModuleType, ...]:
    """The failure-mode modules there are."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    with forks.barred():
        return tuple(importlib.import_module(f"finops_pack.forensics.{name}") for name in names)
