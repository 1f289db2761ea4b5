"""Tasks as runs of calls, and what is usual among them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from statistics import median
from typing import NamedTuple

from finops_pack.model import Call, Facts
from finops_pack.stats import MAD_SCALE, ROBUST_Z
from finops_pack.unit_prices import UnitPrices

MINIMUM_USUAL = 20  # calls before anything counts as usual
LEAST_SPREAD = 0.1  # of a logarithm: about 10 %
PART = Decimal("0.2")  # of what a task cost beyond the usual: less is not its cause


class Step(NamedTuple):
    """A call, the input tokens that its agent had not sent before, and whether it is its first."""

    call: Call
    new: int
    first: bool


@dataclass(frozen=True)
class Run:
    """One task: its calls in order of start."""

    id: str
    calls: Sequence[Call]

    @cached_property
    def usd(self) -> Decimal:
        """What the task cost."""
        return sum((call.amount_usd for call in self.calls), Decimal(0))

    @cached_property
    def steps(self) -> list[Step]:
        """Its calls with what was new in each; in one whose prompt shrank, nothing was."""
        before: dict[tuple[str, str], int] = {}
        steps = []
        for call in self.calls:
            key = (call.agent or "", call.model)
            known = before.get(key, 0)
            steps.append(Step(call, max(0, call.input_tokens - known), not known))
            before[key] = call.input_tokens
        return steps

    @cached_property
    def tool_calls(self) -> int:
        """How many tools were asked for."""
        return sum(len(call.tool_calls) for call in self.calls)


def runs_of(calls: Iterable[Call]) -> list[Run]:
    """Calls that reached a provider, by task; a call without one is a task of its own."""
    groups: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        if call.reached_provider:
            groups[call.task or call.id].append(call)
    ordered = (sorted(group, key=lambda c: (c.start_us, c.id)) for group in groups.values())
    return [Run(group[0].task or group[0].id, group) for group in ordered]


@dataclass(frozen=True)
class Usual:
    """The usual size of a positive count: median, and robust deviation of its logarithm."""

    median: float
    spread: float
    count: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Usual | None:
        """From at least `MINIMUM_USUAL` positive values, else None."""
        logs = sorted(math.log(value) for value in values if value > 0)
        if len(logs) < MINIMUM_USUAL:
            return None
        centre = median(logs)
        spread = MAD_SCALE * median(abs(value - centre) for value in logs)
        return cls(math.exp(centre), max(spread, LEAST_SPREAD), len(logs))

    def z(self, value: float) -> float:
        """Robust deviations of `value` from the median, on a log scale; 0 for nothing."""
        return math.log(value / self.median) / self.spread if value > 0 else 0.0

    def exceeded(self, value: float) -> bool:
        """Whether it stands out."""
        return self.z(value) > ROBUST_Z


class Population:
    """What is usual: by action where there is enough of it, else over all."""

    def __init__(self, runs: Sequence[Run], facts: Facts) -> None:
        self.facts = facts
        self.prices = UnitPrices(facts)
        steps = [step for run in runs for step in run.steps]
        # A first step brings in the instructions: it is like other first steps alone.
        self._new_input = {
            first: _by_action((s.call, float(s.new)) for s in steps if s.first is first)
            for first in (True, False)
        }
        self._output = _by_action((s.call, float(s.call.output_tokens)) for s in steps)
        self.tool_calls = Usual.of(float(run.tool_calls) for run in runs)
        costs = [float(run.usd) for run in runs if run.usd > 0]
        self.task_usd = Decimal(repr(median(costs))) if costs else None

    def new_input(self, step: Step) -> Usual | None:
        """Usual new input tokens of such a step."""
        usual = self._new_input[step.first]
        return usual.get(step.call.action or "") or usual.get(None)

    def output(self, call: Call) -> Usual | None:
        """Usual output tokens of such a call."""
        return self._output.get(call.action or "") or self._output.get(None)

    def times_usual(self, run: Run, usd: Decimal) -> str:
        """`2.4× the usual`, where this much explains a good part of what is above it."""
        if not self.task_usd or run.usd <= self.task_usd * Decimal("1.2"):
            return ""
        if usd < PART * (run.usd - self.task_usd):
            return ""
        return f"{run.usd / self.task_usd:.1f}× the usual"


def _by_action(values: Iterable[tuple[Call, float]]) -> Mapping[str | None, Usual]:
    groups: dict[str | None, list[float]] = defaultdict(list)
    for call, value in values:
        groups[call.action or ""].append(value)
        groups[None].append(value)
    made = {action: Usual.of(sizes) for action, sizes in groups.items()}
    return {action: usual for action, usual in made.items() if usual}


def because(run: Run, population: Population, cause: str, usd: Decimal) -> str:
    """`This task cost 2.4× the usual because …` if that explains it, else the cause alone."""
    times = population.times_usual(run, usd)
    return f"This task cost {times} because {cause}" if times else cause[0].upper() + cause[1:]


def tokens(count: float) -> str:
    """`61k`, `850`."""
    return f"{count / 1000:.0f}k" if count >= 10_000 else f"{count:,.0f}"
