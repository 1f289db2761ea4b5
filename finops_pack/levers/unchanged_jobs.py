"""Workflow: jobs on a clock whose answer is always the same change nothing: run them less.

Answers that came twice are summed to the end; one that came once is forgotten when some
thousands of others have come since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter

from finops_pack.levers._found import Found
from finops_pack.levers._lever import Lever, Work
from finops_pack.levers._recent import Recent
from finops_pack.levers._rhythm import Start
from finops_pack.levers._runs import CLOCK, Run
from finops_pack.levers._search import LeverSearch

MINIMUM_RUNS = 3

_Key = tuple[str, str, Start]
"""Project, answer, and what started the run."""


class _Same:
    """Runs with one answer: the earliest, which was needed, and the sum of all others."""

    __slots__ = ("idle", "needed")

    def __init__(self, run: Run) -> None:
        self.needed = run
        self.idle: Found | None = None

    def add(self, run: Run) -> None:
        early, late = sorted((self.needed, run), key=attrgetter("place"))
        self.needed = early
        self.idle = self.idle or Found()
        self.idle.add(late)

    def merge(self, other: _Same) -> None:
        self.add(other.needed)
        if self.idle and other.idle:
            self.idle.merge(other.idle)


class Search(LeverSearch):
    """One lever an answer that runs on a clock gave again and again without using a tool."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._once = Recent[_Same]()
        self._again: dict[_Key, _Same] = {}

    def ended(self, run: Run) -> None:
        """Sum a task by its last answer, if a clock may have started it."""
        if not run.answer or run.used_tools or not run.may_be_clocked:
            return
        key = (run.project, run.answer, run.start)
        same = self._again.get(key) or self._once.get(key)
        if same is None:
            self._once.put(key, _Same(run))
        else:
            same.add(run)
            self._again[key] = same

    def levers(self) -> Iterable[Lever]:
        """By project and answer, now that all rhythms are known."""
        for (project, answer), same in self._of_answers():
            if same.idle and 1 + same.idle.groups >= MINIMUM_RUNS:
                yield from self._lever(project, answer, same.idle)

    def _of_answers(self) -> Iterator[tuple[tuple[str, str], _Same]]:
        answers: dict[tuple[str, str], _Same] = {}
        for (project, answer, start), same in {**dict(self._once.items()), **self._again}.items():
            if self.work.rhythm.trigger(start) not in CLOCK:
                continue
            if (project, answer) in answers:
                answers[project, answer].merge(same)
            else:
                answers[project, answer] = same
        return iter(answers.items())

    def _lever(self, project: str, answer: str, idle: Found) -> list[Lever]:
        return self.work.lever(
            "workflow",
            "Skip jobs that change nothing",
            idle.usd,
            idle.calls,
            f"{1 + idle.groups} runs on a clock gave the very same answer without using a tool; "
            "check for news before asking a model",
            low=idle.usd / 2,
            effort="config",
            assumption="an answer that did not change was not needed",
            subject=f"{project}:{answer}",
            scope={"project": project},
            measure="day",
        )
