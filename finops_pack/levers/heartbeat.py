"""Workflow: a heartbeat that beats half as often costs about half.

Sums by project and, where nobody said what started a task, by what may yet tell; of each task
its start is kept: 8 bytes.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import median

from finops_pack.levers._found import Found
from finops_pack.levers._lever import Lever, Work
from finops_pack.levers._rhythm import Start
from finops_pack.levers._runs import Run
from finops_pack.levers._search import LeverSearch

MINIMUM_TASKS = 5


@dataclass(slots=True)
class _Beats:
    """Tasks of one project: what they cost, and when those of each agent began."""

    found: Found = field(default_factory=Found)
    starts: dict[str, array[int]] = field(default_factory=dict)

    def add(self, run: Run) -> None:
        self.found.add(run)
        self._of(run.agent).append(run.place[0])

    def merge(self, other: _Beats) -> None:
        self.found.merge(other.found)
        for agent, starts in other.starts.items():
            self._of(agent).extend(starts)

    def _of(self, agent: str) -> array[int]:
        return self.starts.setdefault(agent, array("q"))


class Search(LeverSearch):
    """One lever a project whose heartbeat tasks cost money."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._beats: dict[tuple[str, Start], _Beats] = {}

    def ended(self, run: Run) -> None:
        """Sum a task that a heartbeat may have started."""
        if run.may_be_clocked:
            self._beats.setdefault((run.project, run.start), _Beats()).add(run)

    def levers(self) -> Iterable[Lever]:
        """By project, now that all rhythms are known."""
        for project, beats in self._of_projects():
            hours = _interval_hours(beats.starts.values())
            if hours is not None:
                yield from self._lever(project, beats.found, hours)

    def _of_projects(self) -> Iterator[tuple[str, _Beats]]:
        projects: dict[str, _Beats] = {}
        for (project, start), beats in self._beats.items():
            if self.work.rhythm.trigger(start) == "heartbeat":
                projects.setdefault(project, _Beats()).merge(beats)
        return iter(projects.items())

    def _lever(self, project: str, found: Found, hours: float) -> list[Lever]:
        whose = f" of “{project}”" if project else ""
        return self.work.lever(
            "workflow",
            "Lengthen the heartbeat interval",
            found.usd / 2,
            found.calls,
            f"The heartbeat{whose} runs every {_span(hours)}; let it run every {_span(2 * hours)}",
            low=found.usd * Decimal("0.35"),
            high=found.usd * Decimal("0.65"),
            effort="config",
            assumption="half the runs, each at today's cost",
            subject=project,
            scope={"project": project},
            measure="day",
        )


def _span(hours: float) -> str:
    """`5 min`, `1.5 h`."""
    return f"{hours:.1f} h" if hours >= 1 else f"{max(1, round(hours * 60))} min"


def _interval_hours(agents: Iterable[Sequence[int]]) -> float | None:
    """The median of all gaps; between the beats of two agents there is none."""
    each = [sorted(starts) for starts in agents]
    gaps = [b - a for starts in each for a, b in itertools.pairwise(starts)]
    return median(gaps) / 3.6e9 if gaps and sum(map(len, each)) >= MINIMUM_TASKS else None
