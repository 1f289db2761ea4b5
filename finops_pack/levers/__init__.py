"""What to change, and the dollars a month it would save: cache, batch, model, workflow.

One lever a file, found by name: each has `find(work: Work) -> Iterable[Lever]`. Nothing is
recommended that the calls do not support: a saving is what the same work would have cost
otherwise, scaled to 30 days, and its assumption is part of it. From days alone (a server knows
no calls) only the write-share lever can be said.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Sequence
from datetime import date

from finops_pack.levers._lever import Lever, Work, share_of_writes
from finops_pack.levers._since import Saving, in_scope, saving
from finops_pack.model import Call, DayTotals, Facts

__all__ = ["Lever", "Saving", "find", "from_days", "in_scope", "saving"]


def find(calls: Iterable[Call], facts: Facts, *, days: float | None = None) -> list[Lever]:
    """All levers these calls support, dearest first; `days` is the span they stand for."""
    work = Work(calls, facts, days)
    if not work.calls:
        return []
    found = [lever for name in names() for lever in _module_find(name, work)]
    return sorted(found, key=lambda lever: (-lever.estimated_saving_usd, lever.id))


def names() -> list[str]:
    """The lever modules there are."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def _module_find(name: str, work: Work) -> Iterable[Lever]:
    module = importlib.import_module(f"finops_pack.levers.{name}")
    return list(module.find(work))


def from_days(days: Sequence[DayTotals], *, today: date) -> list[Lever]:
    """What totals alone support: the recommendation on a write share above 30 % of dollars."""
    lever = share_of_writes(days, today)
    return [lever] if lever else []
