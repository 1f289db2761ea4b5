"""Efficiency: 100 × (1 − avoidable dollars ÷ all dollars), and what a task costs beside it.

One point lost is one percent of the money; each is listed with its dollars and calls. A score
says nothing of success, so cost per task and per successful task stand beside it, and less than
20 calls or $0.10 is too little to judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from finops_pack.figures import count
from finops_pack.model import Basis, Call, Facts, Task
from finops_pack.money import from_pico, plain, shown
from finops_pack.sessions import root_of, rows_of
from finops_pack.waste import Waste

MINIMUM_CALLS = 20
MINIMUM_USD = Decimal("0.10")
_BELOW = Decimal("0.099")  # what is less than that minimum is not rounded to it


@dataclass(frozen=True, slots=True)
class Points:
    """Points lost to one category: a percent of the money each.

    `on` is the number of calls that they fall on; `calls` are those of the findings kept.
    """

    category: str
    points: float
    usd: Decimal
    basis: Basis
    on: int
    calls: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, the amount as a decimal string."""
        return {
            "category": self.category,
            "points": round(self.points, 2),
            "usd": plain(self.usd),
            "basis": self.basis,
            "calls": self.on,
        }


@dataclass(frozen=True, slots=True)
class Score:
    """`score` is 0–100, None with a `reason` when there is too little to judge.

    `usd_per_task` is over root tasks, as a trend's is: a call outside any is one of its own.
    `usd_per_success` is what tasks of known outcome cost for each that succeeded. Both are None
    where there is nothing to divide by.
    """

    score: float | None
    reason: str | None
    calls: int
    total_usd: Decimal
    avoidable_usd: Decimal
    points: tuple[Points, ...] = ()
    tasks: int = 0
    usd_per_task: Decimal | None = None
    succeeded: int = 0
    failed: int = 0
    usd_per_success: Decimal | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, amounts as decimal strings."""
        return {
            "score": None if self.score is None else round(self.score, 2),
            "reason": self.reason,
            "calls": self.calls,
            "total_cost_usd": plain(self.total_usd),
            "avoidable_usd": plain(self.avoidable_usd),
            "points": [lost.to_dict() for lost in self.points],
            "tasks": self.tasks,
            "usd_per_task": _plain(self.usd_per_task),
            "succeeded": self.succeeded,
            "failed": self.failed,
            "usd_per_success": _plain(self.usd_per_success),
        }


def _plain(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(round(amount, 6))


def score(calls: Iterable[Call], waste: Waste, facts: Facts) -> Score:
    """The score of these calls by the waste found in them; `facts` know their tasks' outcomes."""
    sent, by_task, alone, alone_pico = _spent(calls)
    tasks = rows_of(by_task, facts)
    by_root = _by_root(by_task, tasks)
    total, sufficient = waste.total_usd, enough(sent, waste.total_usd)
    judged = {t: pico for t, pico in by_root.items() if t in tasks and tasks[t].outcome}
    held, pico = len(by_root) + alone, sum(by_root.values()) + alone_pico
    won = sum(1 for task in judged if tasks[task].outcome == "succeeded")
    return Score(
        score=float(100 * (1 - waste.avoidable_usd / total)) if sufficient else None,
        reason=None if sufficient else _too_little(sent, total),
        calls=sent,
        total_usd=total,
        avoidable_usd=waste.avoidable_usd,
        points=_points(waste) if sufficient else (),
        tasks=held,
        usd_per_task=from_pico(pico) / held if held else None,
        succeeded=won,
        failed=len(judged) - won,
        usd_per_success=from_pico(sum(judged.values())) / won if won else None,
    )


def _spent(calls: Iterable[Call]) -> tuple[int, dict[str, int], int, int]:
    """How many calls reached a provider, the pico-USD of each task's priced ones, and those alone.

    Of those outside any task only number and sum are kept: there may be millions.
    """
    sent = alone = alone_pico = 0
    spent = dict[str, int]()
    for call in calls:
        if not call.reached_provider:
            continue
        sent += 1
        if call.unpriced:
            continue
        if call.task:
            spent[call.task] = spent.get(call.task, 0) + call.amount_pico
        else:
            alone, alone_pico = alone + 1, alone_pico + call.amount_pico
    return sent, spent, alone, alone_pico


def enough(calls: int, total: Decimal) -> bool:
    """Whether so many calls that reached a provider, and USD, are enough to judge."""
    return calls >= MINIMUM_CALLS and total >= MINIMUM_USD


def _too_little(calls: int, total: Decimal) -> str:
    if total < MINIMUM_USD:
        total = min(total, _BELOW)
    return (
        f"insufficient data: {count(calls, 'call')} and {shown(total)}; at least "
        f"{MINIMUM_CALLS} calls and ${MINIMUM_USD} are needed"
    )


def _points(waste: Waste) -> tuple[Points, ...]:
    """Dearest first."""
    lost = []
    for name, part in waste.dearest():
        named = {call for f in waste.findings if f.category == name for call in f.calls}
        share = float(100 * part.usd / waste.total_usd)
        calls = tuple(sorted(named))
        lost.append(Points(name, share, part.usd, part.basis, part.calls, calls))
    return tuple(lost)


def _by_root(spent: Mapping[str, int], tasks: Mapping[str, Task]) -> dict[str, int]:
    """Root task -> pico-USD of the priced calls of its whole tree; without any it is not known."""
    roots: dict[str, int] = {}
    for task, pico in spent.items():
        root = root_of(task, tasks)
        roots[root] = roots.get(root, 0) + pico
    return roots
