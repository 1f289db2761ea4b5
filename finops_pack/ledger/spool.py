"""The write path: one line, one `os.write` to this process's own append-only file.

A line is kept once `append` has said so, whatever kills the process. Nothing here waits for a
lock of another process, and nothing raises.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from zlib import crc32

from finops_pack.ledger import _lock
from finops_pack.ledger._folders import folder, folders, usable
from finops_pack.ledger._json import packed
from finops_pack.ledger._memory import Memory
from finops_pack.ledger._say import warn

__all__ = ["SUFFIX", "Spool", "encode", "folder", "folders"]

SUFFIX = ".spool"
ROTATE_BYTES = 64 << 20
_RETRY_SECONDS = 0.5
_LOOK_SECONDS = 0.25


def encode(mapping: Mapping[str, Any]) -> bytes:
    """One line: its check, compact JSON, its end."""
    line = packed(mapping)
    return b"%08x %b\n" % (crc32(line), line)


opened: list[Callable[[], None]] = []
"""Called when a process opens its first spool, in a forked child too."""


before_reading: list[Callable[[float], None]] = []
"""Called before this process reads a ledger for an analysis, with the seconds it may take."""


at_exit: list[Callable[[], None]] = []
"""Called when the process ends, before its spools are closed."""


class Spool:
    """This process's spool for one ledger; safe from any thread, signal handler and fork."""

    def __init__(
        self, ledger_id: str, *, folder: Path | None = None, durability: str = "normal"
    ) -> None:
        self.ledger_id = ledger_id
        self.lost = 0
        self._folder = folder
        self._full = durability == "full"
        self._begin_anew()
        _spools.add(self)

    def _begin_anew(self) -> None:
        self._lock = threading.RLock()  # a signal handler may record while we do
        self._busy = False
        self._announced = False
        self._fd: int | None = None
        self.path: Path | None = None
        self._look_at = self._retry_at = 0.0
        self._memory = Memory()
        self._lost_told = self.lost

    def append(self, record: bytes) -> bool:
        """Keep one or more encoded lines; True when they survive a SIGKILL from here on."""
        try:
            with self._lock:
                if self._busy:
                    return self._between(record)
                self._busy = True
                try:
                    if time.monotonic() < self._look_at and self._written(record):
                        return True
                    return self._carefully(record)
                finally:
                    self._busy = False
        except Exception:  # noqa: BLE001 - whatever it is, the agent goes on
            self.lost += record.count(b"\n")
            return False

    def _between(self, record: bytes) -> bool:
        """A signal handler has interrupted us: write where we stand, change nothing."""
        try:
            if self._fd is not None and os.write(self._fd, record) == len(record):
                return True
        except OSError:
            pass
        return self._remember(record)

    def _written(self, record: bytes) -> bool:
        fd = self._fd
        if fd is None:
            return False
        try:
            count = os.write(fd, record)
            if count < len(record):  # the disk is full: a torn line would cost the next one too
                os.ftruncate(fd, os.fstat(fd).st_size - count)
                raise OSError("no space left")
            if self._full:
                os.fsync(fd)
        except OSError as error:
            self._leave(str(error))
            return False
        return True

    def _leave(self, reason: str) -> None:
        """Give up this file; whoever drains finds it without an owner."""
        fd, self._fd = self._fd, None
        self._look_at = 0.0
        if fd is not None:
            if self.path is not None and not os.fstat(fd).st_size:
                with suppress(OSError):  # full disks would gather ten such files a second
                    self.path.unlink()
            os.close(fd)
        if reason:
            warn(f"the spool {self.path} cannot be written ({reason}); looking for another place")

    # --- beside the fast path --------------------------------------------------------------

    def _carefully(self, record: bytes) -> bool:
        self._look()
        kept = self._unburdened() and self._stored(record)
        self._announce()
        return kept or self._remember(record)

    def _look(self) -> None:
        """Rotate a large file; save what stands in a file that somebody has deleted."""
        fd = self._fd
        if fd is None:
            return
        self._look_at = time.monotonic() + _LOOK_SECONDS
        file = os.fstat(fd)
        if file.st_size >= ROTATE_BYTES:
            self._leave("")
        elif not file.st_nlink:
            saved = _content(fd)
            self._leave("deleted")
            self._memory.put_back([saved])

    def _unburdened(self) -> bool:
        """Write what waits in memory; True when nothing does."""
        if self._memory:
            waiting = self._memory.take_all()
            if not self._stored(b"".join(waiting)):
                self._memory.put_back(waiting)
                return False
        if self.lost > self._lost_told:
            self._tell_loss()
        return True

    def _tell_loss(self) -> None:
        count, self._lost_told = self.lost - self._lost_told, self.lost
        line = {"type": "event", "kind": "loss", "key": os.urandom(8).hex(), "lines": count}
        self._written(encode({**line, "time_us": time.time_ns() // 1000}))

    def _stored(self, records: bytes) -> bool:
        """Into the open file, else into a new one in the first folder that takes them."""
        if self._written(records):
            return True
        if time.monotonic() < self._retry_at:
            return False
        for place in [self._folder] if self._folder else folders(self.ledger_id):
            if usable(place) and self._opened(place) and self._written(records):
                return True
        self._retry_at = time.monotonic() + _RETRY_SECONDS
        warn("no folder takes the spool; calls are kept in memory as far as there is room")
        return False

    def _opened(self, place: Path) -> bool:
        path = place / (os.urandom(8).hex() + SUFFIX)
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except OSError:
            return False
        if not _lock.take(fd) or not os.fstat(fd).st_nlink:  # a drainer took it for a dead one
            os.close(fd)
            return False
        self._fd, self.path = fd, path
        self._look_at = time.monotonic() + _LOOK_SECONDS
        return True

    def _remember(self, record: bytes) -> bool:
        self._look_at = 0.0  # the next call tries again
        if not self._memory.add(record):
            self.lost += record.count(b"\n")
        return False

    def _announce(self) -> None:
        if not self._announced:
            self._announced = True
            for tell in opened:
                tell()

    # --- for the drainer -------------------------------------------------------------------

    def take_memory(self) -> bytes:
        """Try to write what waits in memory; what still cannot be written is handed out."""
        with self._lock:
            self._look()  # nobody else finds what stands in a deleted file
            return b"" if self._unburdened() else b"".join(self._memory.take_all())

    def put_back(self, records: bytes) -> None:
        """Keep in memory what could not be booked."""
        with self._lock:
            self._memory.put_back([records])

    @property
    def holds_memory(self) -> bool:
        """True while lines wait in memory, where a SIGKILL would take them."""
        return bool(self._memory)

    def sync(self) -> None:
        """Bring what was written to the disk itself."""
        path = self.path
        if path is None:
            return
        try:
            fd = os.open(path, os.O_RDONLY)  # not ours: a sync must not hold up `append`
        except OSError:
            return
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def close(self) -> None:
        """Leave the file to whoever drains it; the next `append` opens another."""
        with self._lock:
            if self._memory:
                self._retry_at = 0.0
                self._unburdened()
            self._leave("")

    def after_fork(self) -> None:
        """The child has a spool of its own; the parent keeps what it holds."""
        if self._fd is not None:
            os.close(self._fd)
        self._begin_anew()


_spools: weakref.WeakSet[Spool] = weakref.WeakSet()


def mine(ledger_id: str) -> list[Spool]:
    """The spools of this process for one ledger."""
    return [spool for spool in list(_spools) if spool.ledger_id == ledger_id]


def _content(fd: int) -> bytes:
    pieces, at = [], 0
    while piece := os.pread(fd, 1 << 20, at):
        pieces.append(piece)
        at += len(piece)
    return b"".join(pieces)


def _at_exit() -> None:
    for tell in at_exit:
        tell()
    for spool in list(_spools):
        spool.close()


def _after_fork() -> None:
    for spool in list(_spools):
        spool.after_fork()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
