"""The daemon thread that brings this machine's spools into the ledger while agents run.

Every process has one, started by its first record; those of one ledger elect one by a file
lock, the others sleep. It works in small batches with pauses, so that the agent goes first.
"""

from __future__ import annotations

import os
import threading
import time

from finops_pack.ledger import _lock, ledger_id, open_ledger, spool
from finops_pack.ledger._drain import Drain
from finops_pack.ledger._say import warn

EXIT_SECONDS = 0.5
_TURN_SECONDS = 5.0
_PAUSE = (0.2, 1.0)
_SHARE = 2.0  # pauses after a batch, in times of what it took


class _Flush:
    """Somebody waits until everything recorded so far is booked."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.over = threading.Event()
        self.booked = False


class _Worker(threading.Thread):
    def __init__(self, url: str) -> None:
        super().__init__(name="finops-drainer", daemon=True)
        self._url = url
        self._id = ledger_id(url)
        self._wake = threading.Event()
        self._waiting: list[_Flush] = []
        self._drain: Drain | None = None
        self._election: int | None = None
        self._stopping = False
        self.failed_at = 0.0

    def run(self) -> None:
        pause = _PAUSE[0]
        while not self._stopping:
            self._wake.wait(pause)
            self._wake.clear()
            before = self._drain.lines if self._drain else 0
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001 - this thread is the agent's guest
                warn(f"calls wait in the spool: {error}")
                self.resign()  # another process may fare better
            busy = self._drain is not None and self._drain.lines > before
            pause = _PAUSE[0] if busy else min(_PAUSE[1], pause * 1.5)
        self.resign()
        if self._drain is not None:
            self._drain.ledger.close()

    def stop(self) -> None:
        """End after the turn in hand, and give everything back."""
        self._stopping = True
        self._wake.set()

    def flush(self, timeout: float) -> bool:
        """True when all that this process recorded is in the ledger."""
        wanted = _Flush(time.monotonic() + timeout)
        self._waiting.append(wanted)
        self._wake.set()
        wanted.over.wait(timeout)
        if not wanted.booked:
            self.failed_at = time.monotonic()
        return wanted.booked

    def _turn(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            if waiting or self._elected():
                deadline = max([w.deadline for w in waiting], default=0.0)
                self._book(waiting, deadline or time.monotonic() + _TURN_SECONDS)
            for mine in spool.mine(self._id):
                mine.sync()
        finally:
            for flush in waiting:
                flush.over.set()

    def _book(self, waiting: list[_Flush], deadline: float) -> None:
        if self._drain is None:
            self._drain = Drain(open_ledger(self._url), self._rest)
        pending = self._drain.run(deadline)
        mine = spool.mine(self._id)
        booked = not any(s.path in pending or s.holds_memory for s in mine)
        for flush in waiting:
            flush.booked = booked
            flush.over.set()

    def _rest(self, took: float) -> None:
        """After a batch let the agent go on, unless somebody waits for us."""
        if not self._waiting:
            self._wake.wait(min(took * _SHARE, 0.1))

    def _elected(self) -> bool:
        """True when this process is the one that drains; found out by taking a lock."""
        held = self._election
        if held is not None and os.fstat(held).st_nlink:
            return True
        self.resign()
        place = spool.folder(self._id)
        if place is None:
            return True
        fd = os.open(place / "drainer.lock", os.O_RDWR | os.O_CREAT, 0o600)
        if not _lock.take(fd):
            os.close(fd)
            return False
        self._election = fd
        return True

    def resign(self) -> None:
        """Let another process be elected."""
        if self._election is not None:
            os.close(self._election)
            self._election = None


_workers: dict[str, _Worker] = {}
_guard = threading.Lock()


def start(ledger_url: str) -> None:
    """Have this process's spools for that ledger drained from now on; again: no change."""
    with _guard:
        if ledger_url in _workers:
            return
        worker = _workers[ledger_url] = _Worker(ledger_url)
    try:
        worker.start()
    except RuntimeError:  # the interpreter is going down; the next reader drains
        _workers.pop(ledger_url, None)


def flush(timeout: float = 2.0, ledger_url: str | None = None) -> bool:
    """True when all that this process has recorded is in that ledger (None: in all of them)."""
    deadline = time.monotonic() + timeout
    asked = [w for url, w in list(_workers.items()) if ledger_url in (None, url)]
    flushed = [w.flush(max(0.0, deadline - time.monotonic())) for w in asked]
    return all(flushed)


def stop(ledger_url: str) -> None:
    """Drain that ledger's spools no more from this process; what is left is for the next reader."""
    with _guard:
        worker = _workers.pop(ledger_url, None)
    if worker is not None:
        worker.stop()


def _at_exit() -> None:
    deadline = time.monotonic() + EXIT_SECONDS
    for worker in list(_workers.values()):
        just_failed = time.monotonic() - worker.failed_at < EXIT_SECONDS
        if not just_failed:  # else somebody has used up the time that an exit may take
            worker.flush(max(0.0, deadline - time.monotonic()))


_before_fork: list[str] = []


def _after_fork() -> None:
    """The child has no thread; its first record starts one."""
    global _guard
    _guard = threading.Lock()
    for url, worker in _workers.items():
        worker.resign()  # only our copy: the parent stays elected
        if url not in _before_fork:
            _before_fork.append(url)
    _workers.clear()


def _restart() -> None:
    while _before_fork:
        start(_before_fork.pop())


spool.opened.append(_restart)
spool.at_exit.append(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
