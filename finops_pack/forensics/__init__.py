"""Why a task cost more than usual: one failure mode a file, found by name.

A mode has `MODE` and `find(tasks: Sequence[Run], population: Population) -> Iterable[Finding]`.
A finding's dollars are the excess over the usual; modes may explain the same dollars, so they
are causes, not parts of a sum (the parts are in `waste`).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from types import ModuleType

from finops_pack.forensics._runs import Population, Run, runs_of
from finops_pack.forensics._shape import Relation, relations
from finops_pack.model import Call, Facts, Finding

__all__ = ["Population", "Relation", "Run", "find", "relations"]


def find(calls: Iterable[Call], facts: Facts, *, task: str | None = None) -> list[Finding]:
    """The failure modes seen in these calls, dearest first; `task` asks about one only.

    The other tasks are what is usual, so hand in a whole period either way.
    """
    runs = runs_of(calls)
    population = Population(runs, facts)
    asked = [run for run in runs if task is None or run.id == task]
    found = [finding for mode in modes() for finding in mode.find(asked, population)]
    return sorted(found, key=lambda f: (-f.usd, f.category, f.task or "", f.calls))


def modes() -> list[ModuleType]:
    """The failure-mode modules there are."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    return [importlib.import_module(f"finops_pack.forensics.{name}") for name in names]
