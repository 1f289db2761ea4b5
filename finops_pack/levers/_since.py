"""What an accepted lever has saved since: the same work at its old price, less what it cost."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Literal

from finops_pack.model import Call
from finops_pack.money import PICO
from finops_pack.sessions import task_of
from finops_pack.stats import quantile

Measure = Literal["task", "day"]
Kind = tuple[str, str, str]  # project, agent and action that a task begins with
Costs = Mapping[Kind, Sequence[float]]

MONTH_DAYS = 30
MINIMUM_TASKS = 5
CONFIDENCE = 0.90
ROUNDS = 400


@dataclass(frozen=True, slots=True)
class Saving:
    """USD a month with its 90 % interval, from `tasks` against `before` of the same kinds.

    `new_tasks` are of kinds that there were none of before: nothing can be said of them.
    """

    usd: float
    low: float
    high: float
    tasks: int
    before: int
    new_tasks: int = 0


@dataclass(slots=True)
class Spent:
    """What tasks cost in USD by their kind, and when the first of them began (µs)."""

    costs: dict[Kind, array[float]] = field(default_factory=dict)
    first_us: int | None = None

    @property
    def tasks(self) -> int:
        """How many there are."""
        return _count(self.costs)


def spent(calls: Iterable[Call]) -> Spent:
    """What the tasks of these calls cost; of each no more than its sum is held."""
    first_us: int | None = None
    tasks: dict[str, tuple[Kind, int]] = {}
    for call in calls:
        first_us = call.start_us if first_us is None else min(first_us, call.start_us)
        kind, pico = tasks.get(task_of(call)) or (_kind(call), 0)
        tasks[task_of(call)] = kind, pico + call.amount_pico
    costs: dict[Kind, array[float]] = {}
    for kind, pico in tasks.values():
        costs.setdefault(kind, array("d")).append(pico / PICO)
    return Spent(costs, first_us)


def _kind(first: Call) -> Kind:
    return first.project or "", first.agent or "", first.action or ""


def in_scope(calls: Iterable[Call], scope: Mapping[str, str]) -> Iterator[Call]:
    """The paid calls that a lever is about; a scope is any of project, action and model."""
    return (
        call
        for call in calls
        if call.amount_pico > 0 and all(_named(call, name) == told for name, told in scope.items())
    )


def _named(call: Call, name: str) -> str:
    if name == "model":
        return call.answered_by
    return getattr(call, name) or ""


def saving(
    before: Spent, since: Spent, *, days_before: float, days: float, measure: Measure = "task"
) -> Saving | None:
    """None with fewer than five tasks on a side.

    A lever that makes tasks cheaper is measured a task, the mix held still: each kind of task
    counts as often as it ran since. One that makes runs fewer is measured a day.
    """
    was, now = before.costs, since.costs
    if measure == "task":
        kept = {kind: costs for kind, costs in now.items() if kind in was}
        new = sum(len(costs) for kind, costs in now.items() if kind not in was)
        was, now = {kind: was[kind] for kind in kept}, kept
    else:
        new = 0
    tasks, base = _count(now), _count(was)
    if min(tasks, base) < MINIMUM_TASKS:
        return None
    rates = (days_before, days, measure)
    drawn = _resampled(was, now, rates)
    tail = (1 - CONFIDENCE) / 2
    low, high = quantile(drawn, tail), quantile(drawn, 1 - tail)
    return Saving(_monthly(was, now, *rates), low, high, tasks, base, new)


def _count(costs: Costs) -> int:
    return sum(map(len, costs.values()))


def _monthly(was: Costs, now: Costs, days_before: float, days: float, measure: Measure) -> float:
    if measure == "day":
        spent = sum(map(sum, was.values())) / days_before - sum(map(sum, now.values())) / days
        return spent * MONTH_DAYS
    saved = sum(len(costs) * (fmean(was[kind]) - fmean(costs)) for kind, costs in now.items())
    return saved * MONTH_DAYS / days


def _resampled(was: Costs, now: Costs, rates: tuple[float, float, Measure]) -> list[float]:
    rng = random.Random(0)

    def draw(costs: Costs) -> Costs:
        return {kind: rng.choices(all_, k=len(all_)) for kind, all_ in costs.items()}

    return [_monthly(draw(was), draw(now), *rates) for _ in range(ROUNDS)]
