"""What a process remembers of tasks: money held under `task(budget=…)`, and who was stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import NamedTuple, Protocol
from weakref import WeakKeyDictionary

from finops_pack.budgets import Budget
from finops_pack.errors import Refusal
from finops_pack.money import from_pico, plain

MOST = 10_000
ROLLING_SECONDS = 600.0  # after which a window that rolls is looked at again


class Running(Protocol):
    """A `task` in whose block a call is made; `cost` is what its ended calls cost, in USD."""

    id: str
    budget: str | None

    @property
    def cost(self) -> Decimal:
        """USD spent so far."""
        ...


class Asked(NamedTuple):
    """A task that has a budget, that budget, and what of it a call may fill (pico-USD)."""

    task: Running
    budget: Budget
    limit: int


class TaskMoney:
    """What the open calls of each task may cost; a task counts the tasks inside it.

    A call whose bill nobody knows stays here as long as its task: it may have been billed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: WeakKeyDictionary[Running, dict[str, int]] = WeakKeyDictionary()

    def take(
        self, call_id: str, pico: int, asked: Sequence[Asked]
    ) -> tuple[Asked, int, int] | None:
        """Hold it in all of these tasks, or the first that lacks it: (task, spent, held)."""
        with self._lock:
            for one in asked:
                held = sum(self._open.get(one.task, {}).values())
                spent = int(one.task.cost.scaleb(12))
                if spent + held + pico > one.limit:
                    return one, spent, held
            for one in asked:
                self._open.setdefault(one.task, {})[call_id] = pico
        return None

    def give(self, call_id: str, tasks: Iterable[Running]) -> None:
        """Its bill is known, or it was never made."""
        with self._lock:
            for task in tasks:
                self._open.get(task, {}).pop(call_id, None)


class _Stop(NamedTuple):
    refusal: Refusal
    budget: Budget
    until: float


class Stopped:
    """Tasks that a budget has stopped stay stopped: whoever swallows the exception, or asks
    for less, is refused again, until the budget changes or its window is over."""

    def __init__(self) -> None:
        self._stops: dict[str, _Stop] = {}

    def add(self, task: str | None, refusal: Refusal, budget: Budget, zone: tzinfo) -> None:
        """From now on this task is stopped. A budget for each call stops that call alone."""
        if not task or budget.window == "call":
            return
        if len(self._stops) >= MOST:
            self._stops.pop(next(iter(self._stops), ""), None)
        self._stops[task] = _Stop(refusal, budget, _until(budget, zone))

    def find(self, task: str | None, budgets: Iterable[Budget]) -> Refusal | None:
        """Why this task is stopped, if one of these budgets has done it."""
        stop = self._stops.get(task) if task else None
        if stop is None or time.time() >= stop.until or stop.budget not in budgets:
            return None
        return stop.refusal


def _until(budget: Budget, zone: tzinfo) -> float:
    resets = budget.resets_at(datetime.now(UTC), zone)
    if resets is not None:
        return resets.timestamp()
    return time.time() + ROLLING_SECONDS if budget.window == "24h" else float("inf")


def refusal_of(budget: Budget, asked: int, spent: int, reserved: int, zone: tzinfo) -> Refusal:
    """Why a call that would break this budget is refused; amounts in pico-USD."""
    resets = budget.resets_at(datetime.now(UTC), zone)
    return Refusal(
        "exceeded",
        asked_usd=_usd(asked),
        limit_usd=budget.limit_usd,
        spent_usd=_usd(spent),
        reserved_usd=_usd(reserved),
        window=budget.window,
        scope=budget.covers,
        resets_at=None if resets is None else resets.astimezone(UTC).isoformat(),
    )


def _usd(pico: int) -> Decimal:
    return Decimal(plain(from_pico(pico)))
