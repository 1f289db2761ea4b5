"""The ledger as the gate needs it: opened once, never waited for longer than agreed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, tzinfo
from functools import partial
from math import inf

from finops_pack.config import Config
from finops_pack.errors import FinOpsError, LedgerUnreachable
from finops_pack.gate._limits import is_local, zone_of
from finops_pack.ledger import Ledger, Reservation, drainer, load
from finops_pack.model import Where

WAIT_SECONDS = 0.25
MAKING_SECONDS = 2.0  # a file that is not there yet is made, once, on however busy a machine
DRAIN_SECONDS = 0.1
RETRY_SECONDS = 1.0
LEASE_US = 15 * 60 * 1_000_000
MOST = 1000
_NOT_IN_TIME = "the ledger could not be opened in time", None


class Store:
    """One process's way to the ledger; safe from any thread, and after a fork."""

    def __init__(self, settings: Config) -> None:
        self._url = settings.ledger
        self._patience = MAKING_SECONDS if is_local(self._url) else WAIT_SECONDS
        self.after_fork()
        self.held: Ledger | None = None

    def after_fork(self) -> None:
        """No lock or call of the parent is ours; a ledger takes care of its own handles."""
        self._lock = threading.Lock()
        self._retry_at = 0.0
        self._why: tuple[str, str | None] = _NOT_IN_TIME  # it could not be opened at the last try
        self._drain_at = 0.0
        self._ended: dict[str, int | None] = {}  # calls to settle with the next transaction

    def open(self) -> Ledger:
        """The ledger, to write; one that could not be opened is tried again after a second."""
        if self.held is not None:
            return self.held
        with self._lock:
            if self.held is None:
                self._try_to_open()
        return self._opened()

    def _try_to_open(self) -> None:
        if time.monotonic() < self._retry_at:
            why, mend = self._why
            raise LedgerUnreachable(why, mend=mend)
        first = not self._retry_at
        self._retry_at, self._why = time.monotonic() + RETRY_SECONDS, _NOT_IN_TIME
        try:
            opens = load(self._url) if first else None  # what takes long, before the deadline
            within(self._patience, partial(self._open, opens))
        except FinOpsError as error:
            self._why = str(error), error.mend
            raise

    @property
    def zone(self) -> tzinfo:
        """That of the ledger's days, as its last transaction found it: they may be made anew."""
        held = self.held
        return UTC if held is None else zone_of(held.time_zone)

    def close(self) -> None:
        """Give the ledger back."""
        held, self.held = self.held, None
        if held is not None:
            drainer.stop(self._url)
            with suppress(FinOpsError):  # the others are settled when they are booked
                back = [call_id for call_id, pico in self._take().items() if pico is None]
                self._put_back(dict.fromkeys(back))
                self.settle(held, WAIT_SECONDS)
            held.close()

    def _opened(self) -> Ledger:
        if self.held is None:
            raise LedgerUnreachable(_NOT_IN_TIME[0])
        return self.held

    def _open(self, opens: Callable[[], Ledger] | None) -> None:
        """Open it, and book first what processes that died have left behind."""
        ledger = (opens or load(self._url))()
        zone_of(ledger.time_zone)  # one that this machine does not know is told now
        drainer.start(self._url)  # from now on it books what others spend, within a second
        try:
            ledger.drain(DRAIN_SECONDS)
        finally:
            self.held = ledger

    # --- one transaction a call ------------------------------------------------------------
    def reserve(
        self, call_id: str, pico: int, wanted: Mapping[str, tuple[Where, int]]
    ) -> Mapping[str, tuple[int, int]]:
        """Set money aside and settle what has ended; else the budgets that would break.

        Before it says no, it books what other processes have ended meanwhile, once a second.
        """
        ledger = self.open()
        now_us = time.time_ns() // 1000
        asked = Reservation(call_id, pico, now_us, now_us + LEASE_US)
        broken = self._try(ledger, asked, wanted)
        if broken and time.monotonic() >= self._drain_at:
            self._drain_at = time.monotonic() + RETRY_SECONDS
            self.bounded(partial(ledger.drain, DRAIN_SECONDS))
            broken = self._try(ledger, asked, wanted)
        return broken or {}

    def bounded(self, act: Callable[[], object]) -> None:
        """Do it, and wait no longer than agreed: what takes longer goes on behind us.

        A look-up of a host's name, and a new connection to it, know no deadline of their own.
        """
        if is_local(self._url):
            act()
        else:
            within(WAIT_SECONDS, act)

    def _try(
        self, ledger: Ledger, asked: Reservation, wanted: Mapping[str, tuple[Where, int]]
    ) -> Mapping[str, tuple[int, int]] | None:
        ended = self._take()
        answers: list[Mapping[str, tuple[int, int]] | None] = []

        def ask() -> None:
            answers.append(ledger.reserve(asked, wanted, WAIT_SECONDS, ended))

        try:
            self.bounded(ask)
            if not answers:
                raise LedgerUnreachable("the ledger did not answer in time")
            return answers[0]
        except BaseException:
            self._put_back(ended)
            raise

    def ended(self, call_id: str, pico: int | None) -> None:
        """Settle it with the next transaction, None: give it back; one never settled is when it
        is booked."""
        if self.held is None:
            return  # then nothing was ever held
        with self._lock:
            if len(self._ended) >= MOST:
                self._ended.pop(next(iter(self._ended)))
            self._ended[call_id] = pico

    def settle(self, ledger: Ledger, seconds: float = inf) -> None:
        """Settle now what has ended, as much as can be in that time."""
        until = time.monotonic() + seconds
        ended = self._take()
        try:
            while ended and time.monotonic() < until:
                call_id, pico = next(iter(ended.items()))
                ledger.settle(call_id, pico, WAIT_SECONDS)
                del ended[call_id]
        finally:
            self._put_back(ended)

    def _take(self) -> dict[str, int | None]:
        with self._lock:
            taken, self._ended = self._ended, {}
        return taken

    def _put_back(self, ended: Mapping[str, int | None]) -> None:
        with self._lock:
            self._ended.update(ended)


def within(seconds: float, act: Callable[[], object]) -> None:
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
