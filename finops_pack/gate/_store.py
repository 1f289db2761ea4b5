"""The ledger as the gate needs it: opened once, never waited for longer than agreed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, tzinfo

from finops_pack.config import Config
from finops_pack.errors import FinOpsError, LedgerUnreachable
from finops_pack.gate._limits import is_local, zone_of
from finops_pack.ledger import Ledger, drainer, open_ledger

WAIT_SECONDS = 0.25
MAKING_SECONDS = 2.0  # a file that is not there yet is made, once, on however busy a machine
DRAIN_SECONDS = 0.1
RETRY_SECONDS = 1.0


class Store:
    """One process's way to the ledger; safe from any thread, and after a fork."""

    zone: tzinfo = UTC

    def __init__(self, settings: Config) -> None:
        self._url = settings.ledger
        self._patience = MAKING_SECONDS if is_local(self._url) else WAIT_SECONDS
        self.after_fork()
        self.held: Ledger | None = None

    def after_fork(self) -> None:
        """No lock or thread of the parent is ours; a ledger takes care of its own handles."""
        self._lock = threading.Lock()
        self._retry_at = 0.0

    def open(self) -> Ledger:
        """The ledger, to write; one that could not be opened is tried again after a second."""
        if self.held is not None:
            return self.held
        with self._lock:
            if self.held is None:
                if time.monotonic() < self._retry_at:
                    raise LedgerUnreachable("the ledger could not be opened a moment ago")
                self._retry_at = time.monotonic() + RETRY_SECONDS
                within(self._patience, self._open)
        return self._opened()

    def close(self) -> None:
        """Give the ledger back."""
        held, self.held = self.held, None
        if held is not None:
            drainer.stop(self._url)
            held.close()

    def _opened(self) -> Ledger:
        if self.held is None:
            raise LedgerUnreachable("the ledger could not be opened in time")
        return self.held

    def _open(self) -> None:
        """Open it, and book first what processes that died have left behind."""
        ledger = open_ledger(self._url)
        self.zone = zone_of(ledger.time_zone)
        drainer.start(self._url)  # from now on it books what others spend, within a second
        try:
            ledger.drain(DRAIN_SECONDS)
        finally:
            self.held = ledger


def within(seconds: float, act: Callable[[], None]) -> None:
    """Do it on another thread and wait for it so long; what it raises, if it ends in time."""
    raised: list[FinOpsError] = []

    def run() -> None:
        try:
            act()
        except FinOpsError as error:
            raised.append(error)
        except Exception as error:  # noqa: BLE001 - a store's own fault is one that we report
            raised.append(LedgerUnreachable(f"{type(error).__name__}: {error}"))

    thread = threading.Thread(target=run, name="finops-gate", daemon=True)
    thread.start()
    thread.join(seconds)
    if raised:
        raise raised[0]
