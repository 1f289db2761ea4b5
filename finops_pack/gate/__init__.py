"""The gate: hard budgets hold before the call, in one transaction shared by all processes.

    reserve(call)   sets the call's upper bound aside in the ledger, or refuses the call
    settle(call)    its true cost, written with the next reservation: one transaction a call;
                    the drainer drops the reservation when the call is booked

It fails closed: a call without a price, or a ledger that cannot be reached within 250 ms, is
refused unless the settings say otherwise. A process that dies leaves its reservation, which
becomes estimated spend when it expires, since the provider may have billed the call.
"""

from __future__ import annotations

import os
import shlex
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from finops_pack import log
from finops_pack.budgets import THRESHOLDS, Budget, parse, thresholds
from finops_pack.config import Config
from finops_pack.errors import BudgetExceeded, BudgetStop, FinOpsError, Refusal
from finops_pack.gate._bound import Bounds
from finops_pack.gate._limits import Known, Windows, covers, is_final, limit_of
from finops_pack.gate._store import Store
from finops_pack.gate._tasks import Asked, Stopped, TaskMoney, refusal_of
from finops_pack.gate._thresholds import Once, Thresholds
from finops_pack.gate._weight import Weight, weigh
from finops_pack.ledger import Ledger
from finops_pack.model import Where

REFUSAL_SECONDS = 60.0  # the ledger hears once a minute of the same refusal
_MOST = 10_000  # open calls remembered; one forgotten is settled when it is booked


class Gate:
    """The gate of one recorder; safe from any thread, and after a fork."""

    def __init__(self, settings: Config, stop: str = "soft") -> None:
        self._settings = settings
        self._stop = stop
        self._known = Known(settings)
        self._windows = Windows()
        self._store = Store(settings)
        self._bounds = Bounds()
        self._stopped = Stopped()
        self._once = Once()
        self._told = Once(REFUSAL_SECONDS)
        self._levels = _levels(settings)
        self._begin_anew()
        _gates.add(self)

    def _begin_anew(self) -> None:
        self.held: dict[str, tuple[Any, Weight, int]] = {}  # call id -> (tasks, weight, bound)
        self._tasks = TaskMoney()
        self._watch = Thresholds(self._levels)

    def close(self) -> None:
        """Give both ways to the ledger back."""
        self._known.close()
        self._store.close()

    def after_fork(self) -> None:
        """A child holds none of its parent's calls, locks and threads."""
        self._begin_anew()
        self._known.after_fork()
        self._store.after_fork()

    # --- before the call -----------------------------------------------------------------------
    def active(self, call: Any) -> bool:
        """Whether any budget may concern a call; a few µs when none is set."""
        return bool(self._known.all()) or any(held.budget for held in call.running)

    def reserve(self, call: Any, request: Mapping[str, Any] | None = None) -> None:
        """Set the call's bound aside. Raises `BudgetExceeded` (or `BudgetStop`) to refuse it."""
        budgets = [b for b in self._known.all() if covers(b, call.row)]
        asked = self._asked(call)
        every = [*budgets, *(one.budget for one in asked)]
        if not every:
            return
        try:
            self._hold(call, weigh(call, request), budgets, asked, every)
        except (BudgetExceeded, BudgetStop):
            self._tasks.give(call.id, call.running)
            raise
        except Exception as error:  # noqa: BLE001 - whatever failed, nothing is held
            self._unheld(call, error, every)

    def _hold(
        self,
        call: Any,
        weight: Weight,
        budgets: Sequence[Budget],
        asked: Sequence[Asked],
        every: Sequence[Budget],
    ) -> None:
        row = call.row
        earlier = None if is_final(row) else self._stopped.find(row.get("task"), every)
        if earlier is not None:
            raise self._exception(earlier)
        pico = self._bound(call, weight, every)
        for budget in budgets:
            if budget.window == "call" and pico > limit_of(budget, row):
                self._exceeded(call, budget, pico)
        self._held_by_tasks(call, pico, asked)
        self._held_by_ledger(call, pico, budgets, asked)
        if len(self.held) >= _MOST:
            self.held.pop(next(iter(self.held)), None)
        self.held[call.id] = (call.running, weight, pico)

    def _asked(self, call: Any) -> list[Asked]:
        """The budgets of the tasks around this call; what a flat plan covers has its own."""
        if not call.running or call.row.get("billing_mode") == "subscription":
            return []
        found = []
        for task in call.running:
            if task.budget is not None:
                budget = _of_task(task.budget)
                found.append(Asked(task, budget, limit_of(budget, call.row)))
        return found

    def _bound(self, call: Any, weight: Weight, budgets: Sequence[Budget]) -> int:
        """Pico-USD it may cost; 0 where unpriced calls may pass."""
        pico = self._bounds.pico(call.row, weight)
        if pico is not None:
            return pico
        model, mend = call.row["model"] or "(no model)", f"Mend: {self._mend(call, weight)}"
        strict = [b for b in budgets if b.hard and b.unpriced == "refuse"]
        if strict:
            self._refuse(call, Refusal("unpriced", scope=strict[0].covers, mend=mend))
        if self._once.first(("unpriced", model)):
            log.warning(f"{model} has no price and is not held by a budget. {mend}")
        return 0

    def _mend(self, call: Any, weight: Weight) -> str:
        """What gives this call a price."""
        model = call.row["model"]
        if not model:
            return "name the model where it is made, or set the budget with --unpriced warn"
        if weight.tier and self._bounds.pico(call.row, weight._replace(tier=None)) is not None:
            return f'give its price for service_tier "{weight.tier}" in a rates file'
        return f"finops rates alias {shlex.quote(f'{model}=KNOWN-MODEL')}"

    def _held_by_tasks(self, call: Any, pico: int, asked: Sequence[Asked]) -> None:
        lacking = self._tasks.take(call.id, pico, asked) if asked else None
        if lacking is not None:
            self._exceeded(call, lacking[0].budget, pico, *lacking[1:])

    def _held_by_ledger(
        self, call: Any, pico: int, budgets: Sequence[Budget], asked: Sequence[Asked]
    ) -> None:
        shared = {b.id: b for b in budgets if b.window != "call"}
        if not shared and not asked:
            return
        self._store.open()
        wanted = self._windows.limits(shared.values(), call.row, self._store.zone)
        for one in asked:  # the same task may go on in other processes
            shared[f"task {one.task.id}"] = one.budget
            wanted[f"task {one.task.id}"] = Where(task=one.task.id), one.limit
        broken = self._store.reserve(call.id, pico, wanted)
        for name, budget in shared.items():
            if name in broken:
                self._exceeded(call, budget, pico, *broken[name])

    def _unheld(self, call: Any, error: Exception, budgets: Sequence[Budget]) -> None:
        """The store cannot be asked: hard budgets refuse, unless the settings say otherwise."""
        self._tasks.give(call.id, call.running)
        if self._settings.on_unreachable == "allow" or not any(b.hard for b in budgets):
            if self._once.first("unreachable"):
                log.warning(f"budgets are not held: {error}")
            return
        self._store.ended(call.id, None)  # what came too late for us may be held all the same
        cause, mend = type(error).__name__, None
        if isinstance(error, FinOpsError):
            cause, mend = str(error), error.mend
        mend = f'Mend: {mend or "finops doctor"}; or set on_unreachable = "allow"'
        self._refuse(call, Refusal("unreachable", mend=mend, cause=cause))

    # --- refusing ------------------------------------------------------------------------------
    def _exceeded(
        self, call: Any, budget: Budget, pico: int, spent: int = 0, reserved: int = 0
    ) -> None:
        refusal = refusal_of(budget, pico, spent, reserved, self._store.zone)
        if spent + pico > limit_of(budget, call.row):  # else calls in flight may leave room
            self._stopped.add(call.row.get("task"), refusal, budget, self._store.zone)
        self._refuse(call, refusal)

    def _refuse(self, call: Any, refusal: Refusal) -> None:
        """Raise, after the ledger was told why."""
        row = call.row
        key = ":".join((refusal.reason, refusal.window or "", refusal.scope or "",
                        refusal.resets_at or "", row.get("task") or row["model"]))  # fmt: skip
        if self._told.first(key):
            event = {"reason": refusal.reason, "text": str(refusal), "task": row.get("task"),
                     "model": row["model"], "at_us": row["start_us"]}  # fmt: skip
            call.recorder.write({"type": "event", "kind": "refusal", "key": key, **event})
        raise self._exception(refusal)

    def _exception(self, refusal: Refusal) -> BaseException:
        return BudgetStop(refusal) if self._stop == "hard" else BudgetExceeded(refusal)

    # --- after the call ------------------------------------------------------------------------
    def settle(self, call: Any, cost: int | None) -> None:
        """Rewrite the reservation to what the call cost, with the next one; never raises.

        What turned out to have no price counts as what was set aside for it, at the least.
        """
        held = self.held.pop(call.id, None)
        if held is None:
            return
        running, weight, bound = held
        self._bounds.learn(call.row, weight)
        pico = cost or 0
        if cost is None and bound:  # else it was let pass unheld
            pico = max(bound, self._bounds.standard(call))
        if running:
            if cost is not None:
                self._tasks.give(call.id, running)
            self._task_thresholds(running)
        ledger = self._store.held
        if ledger is None:
            return
        self._store.ended(call.id, pico)
        try:
            self._thresholds(ledger, call.row, pico)
        except FinOpsError as error:  # it holds what it may have cost until the call is booked
            if self._once.first("settle"):
                log.warning(f"a reservation could not be settled: {error}")

    def drop(self, call: Any) -> None:
        """It turns out to be no call of its own: nothing is held for it any more."""
        running, *_ = self.held.pop(call.id, ((),))
        self._tasks.give(call.id, running)
        self._store.ended(call.id, None)

    def _task_thresholds(self, running: Iterable[Any]) -> None:
        for task in running:
            if task.budget is not None:
                budget = _of_task(task.budget)
                key = f"task {task.id}"
                self._watch.spent(key, None, int(task.cost.scaleb(12)), budget)

    def _thresholds(self, ledger: Ledger, row: Mapping[str, Any], pico: int) -> None:
        """Warn once a window at each threshold of each budget."""
        for budget in self._known.all():
            if budget.window == "call" or not covers(budget, row):
                continue
            where = self._windows.where(budget, row, self._store.zone)
            since = None if budget.window == "24h" else where.since_us
            limit = budget.limit_pico  # one that is raised has thresholds of its own
            key = f"{budget.id} {limit} {row.get(budget.window, '')}"
            if self._watch.due(key, since, pico):
                self._store.bounded(partial(self._look, ledger, where, key, since, budget))

    def _look(self, ledger: Ledger, where: Where, key: str, since: int | None, b: Budget) -> None:
        self._store.settle(ledger)
        self._watch.spent(key, since, sum(ledger.spent(where)), b)


def _levels(settings: Config) -> tuple[int, ...]:
    """The thresholds; a mistake in them lifts no budget."""
    try:
        return thresholds(settings.thresholds, settings.sources.get("thresholds", "thresholds"))
    except FinOpsError as error:
        log.warning(f"{error}; warnings come at {THRESHOLDS} %")
        return THRESHOLDS


@lru_cache(maxsize=256)
def _of_task(spec: str) -> Budget:
    """A task's budget: whatever window it was written with, it is this task's."""
    return replace(parse(spec, "task budget"), window="task", scope=None)


def _after_fork() -> None:
    for gate in list(_gates):
        gate.after_fork()


_gates: weakref.WeakSet[Gate] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
