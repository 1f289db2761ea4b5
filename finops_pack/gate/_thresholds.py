"""Telling once a window that 50, 80 and 100 % of a budget are used, or what was set instead."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from finops_pack import log
from finops_pack.budgets import THRESHOLDS, Budget
from finops_pack.money import from_pico, plain

LOOK_SECONDS = 1.0
MOST = 1000


@dataclass(slots=True)
class _Seen:
    since_us: int | None
    level: int = 0  # the highest threshold that was told of
    left: int = 0  # pico-USD until the next one, less what this process has spent since
    look_at: float = 0.0


class Thresholds:
    """What was told of which budget, task and session; safe from any thread."""

    def __init__(self, levels: Sequence[int] = THRESHOLDS) -> None:
        self._levels = levels
        self._lock = threading.Lock()
        self._seen: dict[str, _Seen] = {}

    def due(self, key: str, since_us: int | None, pico: int) -> bool:
        """Whether to look again: a second has passed, or this process itself came that far."""
        now = time.monotonic()
        with self._lock:
            seen = self._of(key, since_us)
            seen.left -= pico
            if seen.left > 0 and now < seen.look_at:
                return False
            seen.look_at = now + LOOK_SECONDS
            return True

    def spent(self, key: str, since_us: int | None, pico: int, budget: Budget) -> None:
        """So much is used in the window that began then: say it if that is news."""
        with self._lock:
            seen = self._of(key, since_us)
            reached = [p for p in self._levels if pico * 100 >= budget.limit_pico * p]
            ahead = self._levels[len(reached) : len(reached) + 1]
            seen.left = budget.limit_pico * ahead[0] // 100 - pico if ahead else budget.limit_pico
            if not reached:
                seen.level = 0  # a rolling window: what is used has fallen again
            elif reached[-1] > seen.level:
                seen.level = reached[-1]
                log.warning(f"{seen.level} % used: {plain(round(from_pico(pico), 6))} of {budget}")

    def _of(self, key: str, since_us: int | None) -> _Seen:
        seen = self._seen.get(key)
        if seen is None or seen.since_us != since_us:
            if len(self._seen) >= MOST:
                self._seen.pop(next(iter(self._seen)), None)
            seen = self._seen[key] = _Seen(since_us)
        return seen


class Once:
    """Says each thing once an hour, however often it happens."""

    def __init__(self, seconds: float = 3600.0) -> None:
        self._seconds = seconds
        self._said: dict[object, float] = {}

    def first(self, key: object) -> bool:
        """True for the first of its kind in that time."""
        now = time.monotonic()
        if now < self._said.get(key, now):
            return False
        if len(self._said) >= MOST:
            self._said.clear()
        self._said[key] = now + self._seconds
        return True
