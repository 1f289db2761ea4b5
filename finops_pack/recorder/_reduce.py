"""One background thread that reduces prompts to hashes, counts and sketches; text stays here.

The caller only appends a job to a bounded queue. The worker waits for a lull and writes many
lines at once, since it competes with the agent for the interpreter, which changes hands in some
100 µs; what it found goes into `amend` and `segment` lines. What it cannot keep up with is
dropped, and told once: rows never depend on it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from finops_pack.recorder._guard import warn_once
from finops_pack.recorder._jobs import Left, Over, Ran, Reduction

LIMIT = 2000  # jobs held at most
LULL = 0.005  # seconds: the agent is at rest when fewer calls come than one in so long
SLICE = 0.005  # seconds of work at a time
LONGEST = 0.1  # seconds between looks while the agent is not at rest
MINUTE = 60.0  # seconds between looks for what is idle or lost
_TOO_FAST = "prompts come faster than they are read; what was wasted in some calls is not found"


class Reducing:
    """The queue and its thread; started by the first job, rebuilt after a fork."""

    def __init__(
        self,
        key: bytes,
        write: Callable[[Sequence[dict[str, Any]]], None],
        housekeeping: Callable[[], None],
    ) -> None:
        self._key = key
        self._write_all = write
        self._housekeeping = housekeeping
        self.after_fork()

    def after_fork(self) -> None:
        """Begin with nothing: the parent still has what it had."""
        self._jobs: deque[Left | Over | Ran] = deque()
        self._wake = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None
        self._over = False
        self._reduction = Reduction(self._key)

    def put(self, work: Left | Over | Ran) -> None:
        """Leave what there is to do; never waits."""
        if len(self._jobs) >= LIMIT:
            warn_once(_TOO_FAST)
            return
        self._jobs.append(work)
        if self._idle.is_set():
            self._start()

    def _start(self) -> None:
        self._idle.clear()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="finops-reduce", daemon=True)
            self._thread.start()
        self._wake.set()

    def drain(self, timeout: float) -> bool:
        """Work off what is queued, at most `timeout` seconds; True when all is done."""
        self._hurry.set()
        try:
            return self._idle.wait(timeout)
        finally:
            self._hurry.clear()

    def close(self, timeout: float) -> None:
        """Close every session still open, at most `timeout` seconds, and end the thread."""
        if self._thread is None:
            return
        for session in self._reduction.sessions():
            self.put(Over(session))
        self.drain(timeout)
        self._over, self._thread = True, None
        self._wake.set()

    def _run(self) -> None:
        self._over = False
        while not self._over:
            if not self._jobs and self._wake.wait(MINUTE):
                self._wake.clear()
            self._work(time.monotonic() + MINUTE)
            self._reduction.close_idle()
            self._tell()
            self._housekeeping()
            if self._jobs:
                continue
            self._idle.set()
            if self._jobs:  # one came between the last look and the flag
                self._start()

    def _work(self, deadline: float) -> None:
        """Work off the queue in slices: the interpreter changes hands as seldom as can be."""
        pause = LONGEST
        while self._jobs and time.monotonic() < deadline:
            self._lull(pause)
            pause = LULL
            until = time.monotonic() + SLICE
            while self._jobs and time.monotonic() < until:
                self._reduction.take(self._jobs.popleft())
            self._tell()

    def _lull(self, pause: float) -> None:
        """Wait until the agent rests, the queue is half full, or somebody waits for us."""
        while True:
            before = len(self._jobs)
            hurried = self._hurry.wait(pause)
            held = len(self._jobs)
            if hurried or held >= LIMIT // 2 or (held - before) * LULL < pause:
                return
            pause = min(2 * pause, LONGEST)

    def _tell(self) -> None:
        if lines := self._reduction.lines():
            self._write_all(lines)
