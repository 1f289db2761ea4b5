"""Which budgets a call falls under, and what is left of those that a process keeps itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from functools import lru_cache, partial
from typing import Any

from finops_pack import forks
from finops_pack.budgets import FINAL_ANSWER, Budget, parse
from finops_pack.config import Config, file_of
from finops_pack.ledger import Ledger, documents, load
from finops_pack.model import Where
from finops_pack.money import to_pico

FRESH_SECONDS = 2.0
PATIENCE = 30.0
FIRST_SECONDS = 0.25
PLAN = ("billing", "subscription")
NO_LIMIT = 2**62


class Known:
    """The budgets in force: the settings', and the ledger's as they were at most 2 s ago.

    The ledger is only read here, and not made: where there is none, nobody set a budget in it.
    One on another host is read beside the agent; only the first look waits for it, 250 ms (what
    it takes to ask it is imported before).
    """

    def __init__(self, settings: Config) -> None:
        specs = (parse(spec, "budget") for spec in settings.budget)
        self._written = {budget.id: budget for budget in specs}
        self._all = list(self._written.values())
        self._url = settings.ledger
        self._ledger: Ledger | None = None
        self._again_at = 0.0
        self.after_fork()

    def after_fork(self) -> None:
        """A lock that another thread of the parent held would never open here."""
        self._lock = threading.Lock()

    def close(self) -> None:
        """Give the ledger back; the next look opens it anew."""
        held, self._ledger = self._ledger, None
        if held is not None:
            held.close()

    def all(self) -> list[Budget]:
        """All of them; a ledger that cannot be read leaves those that were known."""
        first = not self._again_at  # the first look must not be missed by anybody
        if time.monotonic() >= self._again_at and self._lock.acquire(blocking=first):
            try:
                if time.monotonic() >= self._again_at:
                    self._look(first)
            finally:
                self._lock.release()
        return self._all

    def _look(self, first: bool) -> None:
        if is_local(self._url):
            self._refresh()
            return
        opens = None
        if first:  # here, and not where a deadline runs: that of the first reservation, too
            with suppress(Exception):  # as in the thread, which fails for the same cause
                opens = load(self._url)
        self._again_at = time.monotonic() + PATIENCE  # for the thread to answer
        ask = partial(self._refresh, opens)
        thread = threading.Thread(target=ask, name="finops-budgets", daemon=True)
        thread.start()
        if first:
            thread.join(FIRST_SECONDS)

    def _refresh(self, opens: Callable[..., Ledger] | None = None) -> None:
        try:
            if self._ledger is None:
                self._ledger = (opens or load(self._url))(create=False, read_only=True)
            held = self._ledger
            bodies = documents.sound(held.url, "budget", held.documents("budget"))
            stored = {key: Budget.from_dict(body) for key, body in bodies.items()}
            self._all = list({**stored, **self._written}.values())
            self._again_at = time.monotonic() + FRESH_SECONDS
        except Exception:  # noqa: BLE001 - whatever it is: the budgets known so far hold on
            wait = FRESH_SECONDS if is_local(self._url) else PATIENCE
            self._again_at = time.monotonic() + wait


def is_local(url: str) -> bool:
    """A file that is absent is told at once; another host may keep us waiting."""
    return file_of(url) is not None


@lru_cache(maxsize=8)
def zone_of(name: str) -> tzinfo:
    """The ledger's time zone by its name."""
    if name in ("", "UTC"):
        return UTC
    with forks.barred():
        from zoneinfo import ZoneInfo

        return ZoneInfo(name)  # which may be in a package, and imports that


def covers(budget: Budget, row: Mapping[str, Any]) -> bool:
    """Whether this call falls under the budget."""
    if budget.window in ("task", "session") and not row.get(budget.window):
        return False
    if (row.get("billing_mode") == "subscription") != (budget.scope == PLAN):
        return False  # what a flat plan covers has budgets of its own, in list equivalents
    if budget.scope is None:
        return True
    kind, value = budget.scope
    if kind.startswith("tag."):
        return bool((row.get("tags") or {}).get(kind.removeprefix("tag.")) == value)
    return bool(row.get("billing_mode" if kind == "billing" else kind) == value)


def is_final(row: Mapping[str, Any]) -> bool:
    """Whether this call is the answer that money was held back for."""
    return row.get("action") == FINAL_ANSWER


def limit_of(budget: Budget, row: Mapping[str, Any]) -> int:
    """Pico-USD that this call may fill: all of it for the final answer, else less the reserve.

    A soft budget is kept count of too, so that it can warn, but nothing breaks it.
    """
    if not budget.hard:
        return NO_LIMIT
    held = 0 if is_final(row) else to_pico(budget.reserve_usd)
    return budget.limit_pico - held


class Windows:
    """The calls that each budget covers now; those of a day, week or month until it is over."""

    def __init__(self) -> None:
        self._held: dict[tuple[Any, ...], tuple[int, int, Where]] = {}

    def limits(
        self, budgets: Iterable[Budget], row: Mapping[str, Any], zone: tzinfo
    ) -> dict[str, tuple[Where, int]]:
        """Budget id -> (the calls it covers, its limit), as the ledger's `reserve` takes them."""
        return {b.id: (self.where(b, row, zone), limit_of(b, row)) for b in budgets}

    def where(self, budget: Budget, row: Mapping[str, Any], zone: tzinfo) -> Where:
        """The calls that it covers, of the task or session of this call where it counts those."""
        key = (budget.window, budget.scope, zone)
        held = self._held.get(key)
        if held is not None and held[0] <= time.time_ns() // 1000 < held[1]:
            return held[2]
        now = datetime.now(UTC)
        where = budget.where(now, zone, task=row.get("task"), session=row.get("session"))
        resets = budget.resets_at(now, zone)
        if resets is not None and where.since_us is not None:
            self._held[key] = where.since_us, int(resets.timestamp() * 1e6), where
        return where
