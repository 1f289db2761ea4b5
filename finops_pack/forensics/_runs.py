"""Tasks as runs of calls, and what is usual among them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from statistics import median

from finops_pack.model import Call, Facts
from finops_pack.stats import MAD_SCALE
from finops_pack.unit_prices import UnitPrices

ROBUST_Z = 3.5
MINIMUM_USUAL = 20  # calls before anything counts as usual
LEAST_SPREAD = 0.1  # of a logarithm: about 10 %


@dataclass(frozen=True)
class Run:
    """One task: its calls in order of start. `steps` pairs each with its new input tokens."""

    id: str
    calls: Sequence[Call]

    @cached_property
    def usd(self) -> Decimal:
        """What the task cost."""
        return sum((call.amount_usd for call in self.calls), Decimal(0))

    @cached_property
    def steps(self) -> list[tuple[Call, int]]:
        """(call, tokens that were not in the prompt of the same agent's call before it)."""
        before: dict[tuple[str, str], int] = {}
        steps = []
        for call in self.calls:
            key = (call.agent or "", call.model)
            known = before.get(key, 0)
            # A prompt that shrank was compacted: what stands in it now is not new work.
            new = call.input_tokens - known if known else call.input_tokens
            steps.append((call, max(0, new)))
            before[key] = call.input_tokens
        return steps


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


class Population:
    """What is usual: by action where there is enough of it, else over all."""

    def __init__(self, runs: Sequence[Run], facts: Facts) -> None:
        self.facts = facts
        self.prices = UnitPrices(facts)
        steps = [step for run in runs for step in run.steps]
        self._new_input = _by_action((call, float(new)) for call, new in steps)
        self._output = _by_action((call, float(call.output_tokens)) for call, _ in steps)
        costs = [float(run.usd) for run in runs if run.usd > 0]
        self.task_usd = Decimal(repr(median(costs))) if costs else None

    def new_input(self, call: Call) -> Usual | None:
        """Usual new input tokens of such a call."""
        return self._new_input.get(call.action or "") or self._new_input.get(None)

    def output(self, call: Call) -> Usual | None:
        """Usual output tokens of such a call."""
        return self._output.get(call.action or "") or self._output.get(None)

    def times_usual(self, run: Run) -> str:
        """`2.4× the usual` cost of a task, or nothing where it is not above."""
        if not self.task_usd or run.usd <= self.task_usd * Decimal("1.2"):
            return ""
        return f"{run.usd / self.task_usd:.1f}× the usual"


def _by_action(values: Iterable[tuple[Call, float]]) -> Mapping[str | None, Usual]:
    groups: dict[str | None, list[float]] = defaultdict(list)
    for call, value in values:
        groups[call.action or ""].append(value)
        groups[None].append(value)
    made = {action: Usual.of(sizes) for action, sizes in groups.items()}
    return {action: usual for action, usual in made.items() if usual}


def because(run: Run, population: Population, cause: str) -> str:
    """`This task cost 2.4× the usual because …`, or the cause alone."""
    times = population.times_usual(run)
    return f"This task cost {times} because {cause}" if times else cause[0].upper() + cause[1:]


def tokens(count: float) -> str:
    """`61k`, `850`."""
    return f"{count / 1000:.0f}k" if count >= 10_000 else f"{count:,.0f}"
