"""The server's rows in one SQLite file: WAL, many readers, one writer at a time."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, Any

from finops_pack.errors import LedgerUnreachable
from finops_pack.server.stores import Busy, Row, schema

_HELD = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_CONNECTION: dict[str, Any] = {
    "timeout": 5.0,
    "isolation_level": None,
    "check_same_thread": False,
}


class SQLiteDatabase:
    """One writing connection behind one lock; as many for reading as read at once."""

    quick_reads = True

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []  # a thread's own would outlive it
        try:
            self._open()
        except (OSError, sqlite3.Error) as error:
            raise LedgerUnreachable(f"server database {path}: {error}") from None

    def _open(self) -> None:
        with ExitStack() as undo:
            self._gate = undo.enter_context(self._claim())
            self._writer = sqlite3.connect(self._path, **_CONNECTION)
            undo.callback(self._writer.close)
            self._set_up(self._writer)
            self._writer.execute("PRAGMA journal_mode = WAL")
            with self.write() as transaction:
                schema.migrate(transaction)
            undo.pop_all()

    def _claim(self) -> IO[bytes]:
        """Make the file and its lock for this user's eyes only: they hold password hashes."""
        os.makedirs(os.path.dirname(self._path) or ".", mode=0o700, exist_ok=True)
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        return os.fdopen(lock, "r+b")

    def _set_up(self, connection: sqlite3.Connection) -> None:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """The rows of one SELECT, as committed."""
        with self._reader() as reader, _busy():
            return [dict(row) for row in reader.execute(sql, values)]

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        try:
            reader = self._idle.pop()
        except IndexError:
            reader = sqlite3.connect(self._path, **_CONNECTION)
            self._set_up(reader)
            reader.execute("PRAGMA query_only = ON")
        try:
            yield reader
        finally:
            self._idle.append(reader)

    @contextmanager
    def write(self) -> Iterator[_Transaction]:
        """A transaction under the lock of this process and, by file, of all processes."""
        with self._lock, self._alone(), _busy():
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield _Transaction(self._writer)
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:  # a full disk has undone it already
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def _alone(self) -> Iterator[None]:
        # Two processes writing one WAL database can corrupt it before SQLite 3.51.3.
        _lock(self._gate)
        try:
            yield
        finally:
            _unlock(self._gate)

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for connection in (*self._idle, self._writer):
                connection.close()
            self._gate.close()


@contextmanager
def _busy() -> Iterator[None]:
    """Tell a store that another program holds from a fault of ours."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _HELD:  # the lower byte, whatever the variety
            raise
        raise Busy(f"server database: {error}") from error


class _Transaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run one statement; its rows, if it returns any."""
        return [dict(row) for row in self._connection.execute(sql, values)]


try:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)

    def _unlock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)

except ImportError:  # Windows
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]

    def _unlock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined]
