"""From spools into the ledger, a batch at a time; any number of processes may do it at once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from finops_pack.errors import LedgerUnreachable
from finops_pack.ledger import Ledger, _read_spool, spool
from finops_pack.ledger._read_spool import Piece
from finops_pack.ledger._say import warn

BATCH_LINES = 500
BATCH_SECONDS = 0.010
_LEAST_LINES = 100
_OPEN_FILES = 100


class Drain:
    """Books what lies in a ledger's spools; remembers what it has seen, so idling is cheap."""

    def __init__(self, ledger: Ledger, pause: Callable[[float], object] | None = None) -> None:
        self.ledger = ledger
        self.lines = 0
        self._pause = pause
        self._limit = BATCH_LINES
        self._seen: dict[Path, int] = {}
        self._finished: dict[Path, int] = {}

    def run(self, deadline: float) -> dict[Path, int]:
        """Book until all is booked or `deadline` (monotonic); the lines still pending by spool.

        Waits for the ledger's lock no longer than that.
        """
        self._book_memory(deadline)
        pending: dict[Path, int] = {}
        for path in self._spools():
            left = self._file(path, deadline)
            if left:
                pending[path] = left
            if len(self._finished) >= _OPEN_FILES:
                self._delete_finished()
        self._delete_finished()
        return pending

    def _spools(self) -> Iterable[Path]:
        """All that can be found, and our own, wherever they were opened."""
        ours = (mine.path for mine in spool.mine(self.ledger.id))
        return dict.fromkeys((*_read_spool.spools(self.ledger.id), *filter(None, ours)))

    def _file(self, path: Path, deadline: float) -> int:
        try:
            fd = os.open(path, os.O_RDWR)
        except OSError:
            return 0  # somebody else has drained and deleted it
        try:
            return self._to_the_end(path, fd, deadline)
        finally:
            if path not in self._finished:
                os.close(fd)

    def _to_the_end(self, path: Path, fd: int, deadline: float) -> int:
        gone = _read_spool.abandoned(fd)
        if not gone and self._seen.get(path) == os.fstat(fd).st_size:
            return 0
        offset = 0
        try:
            offset = self.ledger.offset(path.stem)
            while (piece := _read_spool.read(fd, offset, self._limit)).end > offset:
                if time.monotonic() >= deadline:
                    return _read_spool.waiting(fd, offset)
                self._book(path.stem, piece, offset, deadline)
                offset = self.ledger.offset(path.stem)
            self._end(path, fd, offset, gone)
        except LedgerUnreachable as error:
            self._warn(error)
            return _read_spool.waiting(fd, offset)
        return 0

    def _end(self, path: Path, fd: int, offset: int, gone: bool) -> None:
        self._seen[path] = offset  # not its size: a line may have come since it was read
        if gone:
            if os.fstat(fd).st_size > offset:
                self._lost(f"{path.stem}:{offset}", 1, [])  # its process died as it wrote
            self._finished[path] = fd  # and with it the lock: nobody else drains it meanwhile

    def _delete_finished(self) -> None:
        """Spools without an owner go once the disk itself holds what stood in them."""
        finished, self._finished = self._finished, {}
        if not finished:
            return
        try:
            self.ledger.forget_spool(*(path.stem for path in finished))
            for path in finished:
                path.unlink(missing_ok=True)
                self._seen.pop(path, None)
        except LedgerUnreachable as error:
            self._warn(error)
        finally:
            for fd in finished.values():
                os.close(fd)

    @staticmethod
    def _warn(error: LedgerUnreachable) -> None:
        warn(f"the ledger cannot be reached, calls wait in the spool ({error})")

    def _book(self, name: str, piece: Piece, offset: int, deadline: float) -> None:
        began = time.monotonic()
        booked = self.ledger.book(
            piece.lines,
            spool=name,
            offset=piece.end,
            after=offset,
            timeout=max(0.0, deadline - began),
        )
        took = time.monotonic() - began
        self.lines += len(piece.lines)
        if piece.bad or booked.rejected:
            self._lost(f"{name}:{offset}", piece.bad, [why for _, why in booked.rejected])
        scale = min(1.3, max(0.5, BATCH_SECONDS / max(took, 1e-6)))
        self._limit = min(BATCH_LINES, max(_LEAST_LINES, int(self._limit * scale)))
        if self._pause is not None:
            self._pause(took)

    def _lost(self, key: str, bad: int, reasons: list[str]) -> None:
        count = bad + len(reasons)
        body = {"lines": count, "reasons": reasons[:5], "time_us": time.time_ns() // 1000}
        self.ledger.put("loss", key, body)
        why = reasons[0] if reasons else "torn or damaged"
        warn(f"{count} recorded line(s) could not be booked ({why})", "bad lines")

    def _book_memory(self, deadline: float) -> None:
        """What this process could write to no folder goes into the ledger straight."""
        for mine in spool.mine(self.ledger.id):
            records = mine.take_memory()
            if not records:
                continue
            piece = _read_spool.parse(records.split(b"\n"))
            try:
                self.ledger.book(piece.lines, timeout=max(0.0, deadline - time.monotonic()))
            except LedgerUnreachable:
                mine.put_back(records)


def drain(ledger: Ledger, timeout: float) -> int:
    """Book what lies in this ledger's spools within `timeout` seconds; the lines left over."""
    return sum(Drain(ledger).run(time.monotonic() + timeout).values())
