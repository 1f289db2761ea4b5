"""The ledger in one SQLite file: WAL, any number of readers, one writer at a time.

Whoever writes holds the one lock file: before SQLite 3.51.3 two connections that write or
checkpoint at once can corrupt a WAL database. Readers open `mode=ro` and never checkpoint.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from finops_pack.errors import LedgerOutdated, LedgerUnreachable
from finops_pack.ledger import _lock
from finops_pack.ledger._db import Db
from finops_pack.ledger._say import warn
from finops_pack.ledger._schema import COLUMNS
from finops_pack.ledger._store import WAIT, SQLLedger
from finops_pack.ledger.migrations import MIGRATIONS, migrate, settings, time_zone

_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_FILES = ("", "-wal", "-shm")
_CHECKPOINT_PAGES = 1000
_NORMAL, _FULL = 1, 2


class _Connection:
    """`Db` over one connection, and the file it was opened on."""

    def __init__(self, raw: sqlite3.Connection, inode: tuple[int, int] | None) -> None:
        self.raw = raw
        self.inode = inode
        self._pragmas: dict[str, int] = {}

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self.raw.execute(sql, values).fetchall()

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        return self.raw.execute(sql, values).rowcount

    def pragma(self, name: str, value: int) -> None:
        """Set it unless it stands so already."""
        if self._pragmas.get(name) != value:
            self.raw.execute(f"PRAGMA {name} = {value}")
            self._pragmas[name] = value


class SQLiteLedger(SQLLedger):
    """One file; safe for threads, processes and forks. See the module for its lock."""

    integer = "INTEGER"
    serial = "INTEGER PRIMARY KEY"
    table_suffix = " WITHOUT ROWID"
    _data_faults = (UnicodeError, OverflowError, sqlite3.InterfaceError, sqlite3.DataError,
                    sqlite3.IntegrityError)  # fmt: skip

    def __init__(self, path: str, *, create: bool = True, read_only: bool = False) -> None:
        super().__init__(path)
        self._path = path
        self._read_only = read_only
        self._begin_anew()
        _ledgers.add(self)
        if not os.path.exists(path):
            if not create or read_only:
                raise LedgerUnreachable(f"there is no ledger at {path}", mend="record a call first")
            self._prepare()
        self.time_zone = self._settle_schema()

    def _begin_anew(self) -> None:
        self._mutex = threading.Lock()
        self._local = threading.local()
        self._readers: list[_Connection] = []
        self._writer: _Connection | None = None
        self._lock_fd: int | None = None

    def _settle_schema(self) -> str:
        held = self._settings()
        if held is None or held["schema"] != len(MIGRATIONS) or self._lacks_columns():
            if self._read_only and held is None:
                raise LedgerUnreachable(f"{self._path} is no ledger, or cannot be read")
            if self._read_only:
                raise LedgerOutdated(f"{self._path} has another schema", mend="run: finops drain")
            self._prepare()
            held = self._settings()
        if held is None:
            raise LedgerUnreachable(f"{self._path} cannot be read")
        return str(held["time_zone"])

    def _settings(self) -> dict[str, Any] | None:
        try:
            with self._read() as db:
                return settings(db)
        except LedgerUnreachable:
            return None

    def _lacks_columns(self) -> bool:
        with self._read() as db:
            return not set(COLUMNS) <= set(_columns(db))

    def _prepare(self) -> None:
        with self._write() as db:
            migrate(db, self, time_zone(), _columns)

    # --- the writing side ----------------------------------------------------------------

    @contextmanager
    def _write(
        self, timeout: float = WAIT, *, urgent: bool = False, durable: bool = False
    ) -> Iterator[_Connection]:
        if self._read_only:
            raise LedgerUnreachable(f"{self._path} was opened for reading only")
        deadline = time.monotonic() + timeout
        if not self._mutex.acquire(timeout=timeout):
            raise LedgerUnreachable(f"{self._path}: locked by another thread for {timeout} s")
        try:
            with self._alone(deadline):
                writer = self._begun(deadline, urgent, durable)
                yield from self._transaction(writer)
        except self._data_faults:
            raise
        except (sqlite3.Error, OSError) as error:
            raise self._unreachable(error) from None
        finally:
            self._mutex.release()

    def _transaction(self, writer: _Connection) -> Iterator[_Connection]:
        try:
            yield writer
            writer.raw.execute("COMMIT")
        except BaseException as error:
            if writer.raw.in_transaction:
                writer.raw.execute("ROLLBACK")
            if _is(error, _CORRUPT):
                self._set_aside(error)
            raise

    @contextmanager
    def _alone(self, deadline: float) -> Iterator[None]:
        """Hold the lock file, of all processes and all threads."""
        fd = self._take_lock(deadline)
        try:
            yield
        finally:
            _lock.give(fd)

    def _take_lock(self, deadline: float) -> int:
        name = f"{self._path}.lock"
        while True:
            fd = self._lock_fd
            if fd is None:
                os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
                fd = self._lock_fd = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
            if not _lock.wait(fd, deadline):
                raise LedgerUnreachable(
                    f"{self._path}: another process has been writing for too long",
                    mend=f"see who holds {name}",
                )
            if _inode(name) == _inode(fd):
                return fd
            self._lock_fd = None  # the file was deleted: a lock on it keeps nobody out
            os.close(fd)

    def _begun(self, deadline: float, urgent: bool, durable: bool) -> _Connection:
        """The writing connection, inside a transaction."""
        writer = self._writer
        if writer is None or writer.inode != _inode(self._path):
            writer = self._open_writer(deadline)
        writer.pragma("wal_autocheckpoint", 0 if urgent else _CHECKPOINT_PAGES)
        writer.pragma("synchronous", _FULL if durable else _NORMAL)
        _patiently(lambda: writer.raw.execute("BEGIN IMMEDIATE"), deadline)
        return writer

    def _open_writer(self, deadline: float) -> _Connection:
        if self._writer is not None:
            self._writer.raw.close()
            self._writer = None
        try:
            raw = self._connect_writer(deadline)
        except sqlite3.DatabaseError as error:
            if not _is(error, _CORRUPT):
                raise
            self._set_aside(error)
            raw = self._connect_writer(deadline)
        self._writer = _Connection(raw, _inode(self._path))
        if not self._writer.all("SELECT 1 FROM sqlite_master WHERE name = 'meta'"):
            self._make(self._writer, deadline)
        return self._writer

    def _connect_writer(self, deadline: float) -> sqlite3.Connection:
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        raw = sqlite3.connect(
            self._path, timeout=0, isolation_level=None, check_same_thread=False,
            cached_statements=512,
        )  # fmt: skip
        _patiently(lambda: raw.execute("PRAGMA journal_mode = WAL"), deadline)
        return raw

    def _make(self, writer: _Connection, deadline: float) -> None:
        _patiently(lambda: writer.raw.execute("BEGIN IMMEDIATE"), deadline)
        migrate(writer, self, self.time_zone or time_zone(), _columns)
        writer.raw.execute("COMMIT")

    def _set_aside(self, error: BaseException) -> None:
        """Move a broken database away; the next transaction begins a new one."""
        if self._writer is not None:
            self._writer.raw.close()
            self._writer = None
        aside = f"{self._path}.corrupt-{time.strftime('%Y%m%dT%H%M%S')}"
        for end in _FILES:
            if os.path.exists(self._path + end):
                os.replace(self._path + end, aside + end)
        warn(f"the ledger {self._path} is corrupt ({error}); moved to {aside}, a new one begun")

    # --- the reading side ----------------------------------------------------------------

    @contextmanager
    def _read(self) -> Iterator[_Connection]:
        try:
            reader = self._reading()
            reader.raw.execute("BEGIN")
            try:
                yield reader
            finally:
                if reader.raw.in_transaction:
                    reader.raw.execute("ROLLBACK")
        except (sqlite3.Error, OSError) as error:
            raise self._unreachable(error) from None

    def _reading(self) -> _Connection:
        """This thread's reading connection; a new one when the file is another."""
        held: _Connection | None = getattr(self._local, "reader", None)
        inode = _inode(self._path)
        if inode is None:
            raise LedgerUnreachable(f"there is no ledger at {self._path}")
        if held is None or held.inode != inode:
            held = self._local.reader = _Connection(_open_reader(self._path), inode)
            self._readers.append(held)
        return held

    def _stream(self, sql: str, values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        try:
            raw = _open_reader(self._path)  # its own: an open cursor would hold others in its past
            try:
                yield from raw.execute(sql, values)
            finally:
                raw.close()
        except sqlite3.Error as error:
            raise self._unreachable(error) from None

    def tag(self, key: str) -> tuple[str, str]:
        """An expression for one tag of a call and the value it takes."""
        return "json_extract(tags, ?)", f'$."{key}"'

    def check(self) -> list[str]:
        """Faults found in the file and its rollups; empty when sound."""
        with self._read() as db:
            told = [str(row[0]) for row in db.all("PRAGMA integrity_check(10)")]
        return [line for line in told if line != "ok"] or super().check()

    def close(self) -> None:
        """Close every connection; the ledger opens them again when it is used."""
        with self._mutex:
            for held in (*self._readers, self._writer):
                if held is not None:
                    held.raw.close()
            if self._lock_fd is not None:
                os.close(self._lock_fd)
        self._begin_anew()

    def _unreachable(self, error: Exception) -> LedgerUnreachable:
        return LedgerUnreachable(f"ledger {self._path}: {error}", mend="see: finops doctor")

    def before_fork(self) -> None:
        """Let no thread be inside SQLite: its locks would never open in the child."""
        self._held_for_fork = self._mutex.acquire(timeout=0.25)

    def after_fork(self, child: bool) -> None:
        """The child leaves what it inherited alone, closing it would disturb the parent."""
        if not child:
            if self._held_for_fork:
                self._mutex.release()
            return
        _inherited.extend([*self._readers, *([self._writer] if self._writer else [])])
        if self._lock_fd is not None:
            os.close(self._lock_fd)  # else the lock would outlive the parent
        self._begin_anew()


_ledgers: weakref.WeakSet[SQLiteLedger] = weakref.WeakSet()
_inherited: list[_Connection] = []


def _before_fork() -> None:
    for ledger in list(_ledgers):
        ledger.before_fork()


def _after_fork(child: bool) -> None:
    for ledger in list(_ledgers):
        ledger.after_fork(child)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=lambda: _after_fork(child=False),
        after_in_child=lambda: _after_fork(child=True),
    )


def _inode(place: str | int) -> tuple[int, int] | None:
    try:
        found = os.stat(place)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is(error: BaseException, codes: Sequence[int]) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in codes


def _patiently(act: Callable[[], object], deadline: float) -> None:
    """Do it; as long as somebody outside of our lock keeps the database busy, again."""
    while True:
        try:
            act()
            return
        except sqlite3.OperationalError as error:
            if not _is(error, _BUSY) or time.monotonic() > deadline:
                raise
        time.sleep(0.001)


def _open_reader(path: str) -> sqlite3.Connection:
    address = f"file:{quote(path)}?mode=ro"
    for uri in (address, f"{address}&immutable=1"):  # the latter where nothing can be written
        raw = sqlite3.connect(
            uri, uri=True, timeout=1.0, isolation_level=None, check_same_thread=False
        )
        try:
            raw.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
        except sqlite3.OperationalError:
            raw.close()
            continue
        return raw
    raise sqlite3.OperationalError("cannot be opened for reading")


def _columns(db: Db) -> list[str]:
    return [str(row[1]) for row in db.all("PRAGMA table_info(calls)")]
