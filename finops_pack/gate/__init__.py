"""The gate: hard budgets hold before the call, in one transaction shared by all processes.

    reserve(call)   sets the call's upper bound aside in the ledger, or refuses the call
    settle(call)    rewrites it to the true cost; the drainer drops it when the call is booked

It fails closed: a call without a price, or a ledger that cannot be reached within 250 ms, is
refused unless the settings say otherwise. A process that dies leaves its reservation, which
becomes estimated spend when it expires, since the provider may have billed the call.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any

from finops_pack.budgets import THRESHOLDS, Budget, parse
from finops_pack.config import Config
from finops_pack.errors import BudgetExceeded, BudgetStop, FinOpsError, LedgerUnreachable, Refusal
from finops_pack.gate._bound import Bounds, characters
from finops_pack.gate._limits import FINAL_ANSWER, Known, covers, limit_of, limits, zone_of
from finops_pack.ledger import Ledger, Reservation, open_ledger
from finops_pack.money import from_pico, plain

WAIT_SECONDS = 0.25
LEASE_US = 15 * 60 * 1_000_000
DRAIN_SECONDS = 1.0
RETRY_SECONDS = 1.0
_STICKY_MAX = 10_000


class Gate:
    """The gate of one recorder; safe from any thread."""

    def __init__(self, settings: Config, stop: str = "soft") -> None:
        self._settings = settings
        self._stop = stop
        self._known = Known(settings)
        self._bounds = Bounds()
        self._lock = threading.Lock()
        self._ledger: Ledger | None = None
        self._tried_at = -RETRY_SECONDS
        self._drained_at = 0.0
        self._zone: tzinfo = UTC
        self._held: dict[str, tuple[Any, int, int]] = {}  # call id -> (running, pico, size)
        self._refused: dict[str, Refusal] = {}  # by task: what was refused stays refused
        self._warned: set[tuple[Any, ...]] = set()

    # --- before the call -----------------------------------------------------------------------
    def active(self, call: Any = None) -> bool:
        """Whether any budget may concern a call; a few µs when none is set."""
        running = call.running if call is not None else ()
        return bool(self._budgets()) or any(held.budget for held in running)

    def _budgets(self) -> list[Budget]:
        return self._known.all()

    def _open(self) -> Ledger:
        """The ledger, to write; one that could not be opened is tried again after a second."""
        with self._lock:
            if self._ledger is None:
                if time.monotonic() - self._tried_at < RETRY_SECONDS:
                    raise LedgerUnreachable("the ledger could not be opened a moment ago")
                self._tried_at = time.monotonic()
                self._ledger = open_ledger(self._settings.ledger)
                self._zone = zone_of(self._ledger.time_zone)
            return self._ledger

    def reserve(self, call: Any) -> None:
        """Set the call's bound aside. Raises `BudgetExceeded` (or `BudgetStop`) to refuse it."""
        row = call.row
        earlier = self._refused.get(row.get("task") or "")
        if earlier is not None and row.get("action") != FINAL_ANSWER:
            raise self._exception(earlier)
        budgets = [b for b in self._budgets() if covers(b, row)]
        running = [
            (held, parse(held.budget, "task budget")) for held in call.running if held.budget
        ]
        if not budgets and not running:
            return
        pico = self._bounds.pico(row, call.messages, call.tools, call.max_output_tokens)
        if pico is None:
            pico = self._unpriced(call, [*budgets, *(budget for _, budget in running)])
        self._each(call, pico, [b for b in budgets if b.window == "call" and b.hard])
        self._in_tasks(call, pico, running)
        self._in_ledger(call, pico, [b for b in budgets if b.window != "call"])
        size = characters(call.messages) + characters(call.tools)
        self._held[call.id] = (call.running, pico, size)

    def _unpriced(self, call: Any, budgets: Iterable[Budget]) -> int:
        """0 where every hard budget lets unpriced calls pass; they are told of once a model."""
        model = call.row["model"] or "(no model)"
        mend = f"Mend: finops rates alias {model}=KNOWN-MODEL"
        strict = [b for b in budgets if b.hard and b.unpriced == "refuse"]
        if strict:
            self._refuse(call, Refusal("unpriced", scope=strict[0].covers, mend=mend))
        self._warn(("unpriced", model), f"{model} has no price and is not held by a budget. {mend}")
        return 0

    def _each(self, call: Any, pico: int, budgets: Iterable[Budget]) -> None:
        for budget in budgets:
            if pico > limit_of(budget, call.row):
                self._refuse(call, _exceeded(budget, 0, pico, self._zone))

    def _in_tasks(self, call: Any, pico: int, running: Iterable[tuple[Any, Budget]]) -> None:
        """Budgets of `task(budget=…)`: kept here, since a task counts the tasks inside it."""
        for held, budget in running:
            open_pico = sum(p for tasks, p, _ in list(self._held.values()) if held in tasks)
            spent = int(held.cost.scaleb(12))
            if spent + open_pico + pico > limit_of(budget, call.row):
                self._refuse(call, _exceeded(budget, spent, open_pico, self._zone))
            if spent >= budget.limit_pico:
                self._warn((held.id, "task"), f"task {held.id} is over its budget of {budget}")

    def _in_ledger(self, call: Any, pico: int, budgets: list[Budget]) -> None:
        if not budgets:
            return
        asked = limits(budgets, call.row, self._zone)
        now_us = time.time_ns() // 1000
        wanted = Reservation(call.id, tuple(asked), pico, now_us, now_us + LEASE_US)
        try:
            ledger = self._open()
            self._drain(ledger)
            broken = ledger.reserve(wanted, asked, WAIT_SECONDS)
        except FinOpsError as error:
            self._unreachable(call, error)
            return
        for budget in budgets:
            if broken and budget.id in broken:
                self._refuse(call, _exceeded(budget, *broken[budget.id], self._zone))

    def _drain(self, ledger: Ledger) -> None:
        """Book what processes without a gate have spent, at most once a second."""
        now = time.monotonic()
        if now - self._drained_at >= DRAIN_SECONDS:
            self._drained_at = now
            ledger.drain(0.0)

    def _unreachable(self, call: Any, error: FinOpsError) -> None:
        if self._settings.on_unreachable == "allow":
            self._warn(("unreachable",), f"budgets are not held: {error}")
            return
        mend = 'Mend: finops doctor; or set on_unreachable = "allow"'
        self._refuse(call, Refusal("unreachable", mend=mend))

    def _refuse(self, call: Any, refusal: Refusal) -> None:
        """Refuse the call, and those that its task makes after it: a swallowed exception costs
        retries, never money. The reason goes to the ledger."""
        task = call.row.get("task")
        if task and refusal.reason == "exceeded" and len(self._refused) < _STICKY_MAX:
            self._refused[task] = refusal
        event = {"reason": refusal.reason, "text": str(refusal), "task": task,
                 "model": call.row["model"], "at_us": call.row["start_us"]}  # fmt: skip
        call.recorder.write({"type": "event", "kind": "refusal", "key": call.id, **event})
        raise self._exception(refusal)

    def _exception(self, refusal: Refusal) -> BaseException:
        return BudgetStop(refusal) if self._stop == "hard" else BudgetExceeded(refusal)

    # --- after the call ------------------------------------------------------------------------
    def settle(self, call: Any, pico: int) -> None:
        """Rewrite the reservation to what the call cost; never raises."""
        held = self._held.pop(call.id, None)
        if held is None:
            return
        self._bounds.learn(call.row, held[2])
        try:
            if self._ledger is not None:
                self._ledger.settle(call.id, pico)
                self._thresholds(self._ledger, call.row)
        except FinOpsError as error:
            self._warn(("settle",), f"a reservation stays until it expires: {error}")

    def _thresholds(self, ledger: Ledger, row: Mapping[str, Any]) -> None:
        """Warn once a window at 50, 80 and 100 % of each budget with a clock."""
        now = datetime.now(UTC)
        for budget in self._budgets():
            if budget.window in ("call", "task", "session") or not covers(budget, row):
                continue
            if not self._due(budget):
                continue
            where = budget.where(now, self._zone)
            spent = sum(ledger.spent(where))
            for percent in reversed(THRESHOLDS):
                if spent * 100 >= budget.limit_pico * percent:
                    used = f"{plain(round(from_pico(spent), 6))} of {budget}"
                    self._warn((budget.id, where.since_us, percent), f"{percent} % used: {used}")
                    break

    def _due(self, budget: Budget) -> bool:
        """At most one look a second and budget: spend is read from the ledger."""
        key = ("looked", budget.id, int(time.monotonic()))
        if key in self._warned:
            return False
        self._warned = {k for k in self._warned if k[:2] != key[:2]} | {key}
        return True

    def _warn(self, key: tuple[Any, ...], message: str) -> None:
        if key not in self._warned:
            self._warned.add(key)
            logging.getLogger("finops_pack").warning("finops: %s", message)


def _exceeded(budget: Budget, spent: int, reserved: int, zone: tzinfo) -> Refusal:
    resets = budget.resets_at(datetime.now(UTC), zone)
    return Refusal(
        "exceeded",
        limit_usd=budget.limit_usd,
        spent_usd=_usd(spent),
        reserved_usd=_usd(reserved),
        window=budget.window,
        scope=budget.covers,
        resets_at=None if resets is None else resets.astimezone(UTC).isoformat(),
    )


def _usd(pico: int) -> Decimal:
    return Decimal(plain(from_pico(pico)))
