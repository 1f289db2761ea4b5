"""What to change, and the dollars a month it would save: cache, batch, model, workflow.

One lever a file, found by name: each has a class `Search`, which sees all paid calls once in
order of start and is then asked for its levers. Nothing is recommended that the calls do not
support: a saving is what the same work would have cost otherwise, scaled to 30 days, and its
assumption is part of it. From days alone (a server knows no calls) only the write-share lever
can be said.

Memory does not grow with the calls. Held are sums by subject; short rows of the sessions, tasks
and prefixes that go on, at most twice `_recent.KEPT` of each; and, of a model's calls of one kind,
a sample of `_sample.SIZE` for other prices. All is exact while no more than that go by: a session
is over once it was silent while `KEPT` others spoke, and beyond `SIZE` calls the share that the
sample would have saved is applied to the exact sum.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from finops_pack import forks
from finops_pack.levers._lever import Lever, Work, share_of_writes
from finops_pack.levers._runs import Run, Runs
from finops_pack.levers._search import LeverSearch
from finops_pack.levers._since import Saving, Spent, in_scope, saving, spent
from finops_pack.model import Call, DayTotals, Facts
from finops_pack.sessions import sent

__all__ = ["Lever", "Saving", "Spent", "find", "from_days", "in_scope", "saving", "spent"]


def find(calls: Iterable[Call], facts: Facts, *, days: float | None = None) -> list[Lever]:
    """All levers these calls support, dearest first; `days` is the span they stand for.

    A sequence may come in any order; an iterator must be in order of start.
    """
    work = Work(facts, days)
    searches = list(_searches(work))
    _show(calls, work, searches)
    found = [lever for search in searches for lever in search.levers()]
    return sorted(found, key=lambda lever: (-lever.estimated_saving_usd, lever.id))


def names() -> list[str]:
    """The lever modules there are."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def _searches(work: Work) -> Iterator[LeverSearch]:
    for name in names():
        with forks.barred():
            lever = importlib.import_module(f"finops_pack.levers.{name}")
        yield lever.Search(work)


def _show(calls: Iterable[Call], work: Work, searches: Sequence[LeverSearch]) -> None:
    """Let all of them see all calls, and the tasks that are over."""

    def tell(run: Run) -> None:
        for search in searches:
            search.ended(run)

    runs = Runs(work.facts, work.rhythm, tell)
    for call in sent(calls):
        if call.amount_pico > 0:
            work.see(call)
            runs.see(call)
            for search in searches:
                search.see(call)
    runs.close()


def from_days(days: Sequence[DayTotals], *, today: date) -> list[Lever]:
    """What totals alone support: the recommendation on a write share above 30 % of dollars."""
    lever = share_of_writes(days, today)
    return [lever] if lever else []
