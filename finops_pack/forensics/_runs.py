"""Tasks as runs of calls, and what is usual among them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from finops_pack.model import Call, Facts
from finops_pack.money import from_pico, to_pico
from finops_pack.sessions import groups, task_of, threads
from finops_pack.stats import Sizes, Usual
from finops_pack.unit_prices import UnitPrices

PART = Decimal("0.2")  # of what a task cost beyond the usual: less is not its cause


class Step(NamedTuple):
    """A call, the input tokens that are new to its conversation, and whether it is its first."""

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
    def threads(self) -> list[int]:
        """Which conversation each call goes on with."""
        return threads(self.calls)

    @cached_property
    def steps(self) -> list[Step]:
        """Its calls with what was new in each; in one whose prompt shrank, nothing was.

        Another model may be asked on the side, or go on in the place of the one before.
        """
        before: dict[tuple[int, str | None], int] = {}
        steps = []
        for call, thread in zip(self.calls, self.threads, strict=True):
            own, any_model = (thread, call.model), (thread, None)
            known = max(before.get(own, 0), before.get(any_model, 0))
            steps.append(Step(call, max(0, call.input_tokens - known), not known))
            before[own] = before[any_model] = call.input_tokens
        return steps

    @cached_property
    def tool_calls(self) -> int:
        """How many tools were asked for."""
        return sum(len(call.tool_calls) for call in self.calls)


def runs_of(calls: Iterable[Call]) -> Iterator[Run]:
    """Calls that reached a provider, by task; one that was silent for a day begins anew."""
    return (Run(task_of(group[0]), group) for group in groups(calls, task_of))


class Population:
    """What is usual: by action where there is enough of it, else over all."""

    def __init__(self, runs: Iterable[Run], facts: Facts) -> None:
        self.facts = facts
        self.prices = UnitPrices(facts)
        # A first step brings in the instructions: it is like other first steps alone.
        new_input, output = (ByAction(), ByAction()), ByAction()
        tool_calls, costs = Sizes(), Sizes()
        for run in runs:
            for step in run.steps:
                new_input[step.first].add(step.call, step.new)
                output.add(step.call, step.call.output_tokens)
            tool_calls.add(run.tool_calls)
            costs.add(to_pico(run.usd))
        self._new_input = [sizes.usual() for sizes in new_input]
        self._output = output.usual()
        self.tool_calls = tool_calls.usual()
        cost = costs.median()
        self.task_usd = None if cost is None else from_pico(round(cost))

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


class ByAction:
    """Sizes by action, and of all together."""

    def __init__(self) -> None:
        self._sizes: defaultdict[str | None, Sizes] = defaultdict(Sizes)

    def add(self, call: Call, size: int) -> None:
        """Count one for the call's action."""
        self._sizes[call.action or ""].add(size)
        self._sizes[None].add(size)

    def usual(self) -> dict[str | None, Usual]:
        """What is usual for each action that has enough, and for all (None)."""
        made = {action: sizes.usual() for action, sizes in self._sizes.items()}
        return {action: usual for action, usual in made.items() if usual}


def because(run: Run, population: Population, cause: str, usd: Decimal) -> str:
    """`This task cost 2.4× the usual because …` if that explains it, else the cause alone."""
    times = population.times_usual(run, usd)
    return f"This task cost {times} because {cause}" if times else cause[0].upper() + cause[1:]
