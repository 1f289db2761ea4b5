"""The ledger in one SQLite file: WAL, any number of readers, one writer at a time.

Whoever writes holds the one lock file: before SQLite 3.51.3 two connections that write or
checkpoint at once can corrupt a WAL database. Readers open `mode=ro` and never checkpoint.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any
from weakref import WeakSet

from finops_pack import forks
from finops_pack.errors import LedgerAbsent, LedgerOutdated, LedgerUnreachable
from finops_pack.ledger import _sqlite
from finops_pack.ledger._base import WAIT, Write
from finops_pack.ledger._db import Db
from finops_pack.ledger._say import warn
from finops_pack.ledger._sqlite import Connection, WriterLock, columns_of_calls, inode_of
from finops_pack.ledger._sqlite_readers import Readers
from finops_pack.ledger._store import SQLLedger
from finops_pack.ledger.migrations import MIGRATIONS, migrate, settings, settled, time_zone

_FILES = ("", "-wal", "-shm")
_ANOTHER = "name another file: --ledger PATH, or FINOPS_LEDGER"
_NORMAL, _FULL = 1, 2
_MODES: dict[Write, dict[str, int]] = {
    "usual": {"wal_autocheckpoint": 1000, "synchronous": _NORMAL, "cache_size": -2_000},
    "urgent": {"wal_autocheckpoint": 0, "synchronous": _NORMAL},
    "durable": {"wal_autocheckpoint": 1000, "synchronous": _FULL},
    "bulk": {"wal_autocheckpoint": 4000, "synchronous": _NORMAL, "cache_size": -64_000},
}


class SQLiteLedger(SQLLedger):
    """One file; safe for threads, processes and forks. See the module for its lock."""

    integer = "INTEGER"
    serial = "INTEGER PRIMARY KEY"
    table_suffix = " WITHOUT ROWID"
    data_faults = (UnicodeError, OverflowError, sqlite3.InterfaceError, sqlite3.DataError,
                    sqlite3.IntegrityError)  # fmt: skip

    def __init__(self, path: str, *, create: bool = True, read_only: bool = False) -> None:
        super().__init__(path)
        self._path = path
        self._read_only = read_only
        self._begin_anew()
        self._refuse_a_child()
        _ledgers.add(self)
        if not os.path.exists(path):
            if not create or read_only:
                raise LedgerAbsent(f"there is no ledger at {path}", mend="record a call first")
            self._prepare()
        else:
            self._spare_a_stranger()
        self.time_zone = self._settle_schema()

    def _spare_a_stranger(self) -> None:
        """A file without our lock never was a ledger: it is not moved aside as broken."""
        if os.path.exists(f"{self._path}.lock"):
            return
        try:
            with forks.barred(sqlite=True), closing(_sqlite.peek(self._path)) as raw:
                self._refuse_a_stranger(Connection(raw, None))
        except (sqlite3.Error, OSError) as error:
            if _sqlite.is_any(error, _sqlite.CORRUPT):
                text = f"{self._path} is no ledger, or it is damaged"
                raise LedgerUnreachable(text, mend=_ANOTHER) from None

    def _refuse_a_stranger(self, db: Db) -> None:
        if db.all("SELECT 1 FROM sqlite_master LIMIT 1") and not _sqlite.is_ledger(db):
            raise LedgerUnreachable(f"{self._path} is no ledger", mend=_ANOTHER)

    def _refuse_a_child(self) -> None:
        if forks.cut_off:
            raise LedgerUnreachable(
                f"ledger {self._path}: this process was forked while a thread was busy in SQLite",
                mend="fork before that, or spawn (its calls wait in the spool: finops drain)",
            )

    def _begin_anew(self) -> None:
        self._mutex = threading.Lock()
        self._writer: Connection | None = None
        self._lock = WriterLock(f"{self._path}.lock")
        self._readers = Readers(self._path)

    def _settle_schema(self) -> str:
        held = self._settings()
        if held is None or not (settled(held) or self._readable(held)):
            if self._read_only and held is None:
                raise LedgerUnreachable(
                    f"{self._path} is no ledger, or cannot be read", mend=_ANOTHER
                )
            if self._read_only:
                raise LedgerOutdated(f"{self._path} has another schema", mend="run: finops drain")
            self._prepare()
            held = self._settings()
        if held is None:
            raise LedgerUnreachable(f"{self._path} cannot be read")
        return str(held["time_zone"])

    def _settings(self) -> dict[str, Any] | None:
        """What `meta` holds; of a file that is empty as yet only that; None if unreadable."""
        try:
            with self._read() as db:
                begun = db.all("SELECT 1 FROM sqlite_master LIMIT 1")
                return settings(db) if begun else {"schema": 0}
        except LedgerUnreachable:
            return None

    def _readable(self, held: Mapping[str, Any]) -> bool:
        """Whether a reader may do with what another version of the pack has left."""
        with forks.barred():
            from finops_pack.ledger._schema import COLUMNS

        if not self._read_only or held["schema"] != len(MIGRATIONS):
            return False
        with self._read() as db:
            return set(COLUMNS) <= set(columns_of_calls(db))

    def _prepare(self) -> None:
        with self._write() as db:
            migrate(db, self, time_zone(), columns_of_calls)

    # --- the writing side ----------------------------------------------------------------

    @contextmanager
    def _write(self, timeout: float = WAIT, how: Write = "usual") -> Iterator[Connection]:
        if self._read_only:
            raise LedgerUnreachable(f"{self._path} was opened for reading only")
        self._refuse_a_child()
        deadline = time.monotonic() + timeout
        mutex = self._mutex
        if not mutex.acquire(timeout=max(0.0, timeout)):
            raise LedgerUnreachable(f"{self._path}: locked by another thread for {timeout} s")
        try:
            with self._lock.held(deadline), forks.barred(sqlite=True):
                yield from self._transaction(self._begun(deadline, how))
        except self.data_faults:
            raise
        except (sqlite3.Error, OSError) as error:
            raise self._unreachable(error) from None
        finally:
            mutex.release()

    def _transaction(self, writer: Connection) -> Iterator[Connection]:
        try:
            yield writer
            writer.raw.execute("COMMIT")
        except BaseException as error:
            if writer.raw.in_transaction:
                writer.raw.execute("ROLLBACK")
            if _sqlite.is_any(error, _sqlite.CORRUPT):
                self._set_aside(error)
            raise

    def _begun(self, deadline: float, how: Write) -> Connection:
        """The writing connection, inside a transaction."""
        writer = self._writer
        if writer is None or writer.inode != inode_of(self._path):
            writer = self._new_writer(deadline)
        for name, value in _MODES[how].items():
            writer.pragma(name, value)
        _sqlite.patiently(lambda: writer.raw.execute("BEGIN IMMEDIATE"), deadline)
        return writer

    def _new_writer(self, deadline: float) -> Connection:
        self._drop_writer()
        try:
            writer = _sqlite.open_writer(self._path, deadline, self._refuse_a_stranger)
        except sqlite3.DatabaseError as error:
            if not _sqlite.is_any(error, _sqlite.CORRUPT):
                raise
            self._set_aside(error)
            writer = _sqlite.open_writer(self._path, deadline, self._refuse_a_stranger)
        if not writer.all("SELECT 1 FROM sqlite_master WHERE name = 'meta'"):
            _sqlite.patiently(lambda: writer.raw.execute("BEGIN IMMEDIATE"), deadline)
            migrate(writer, self, self.time_zone or time_zone(), columns_of_calls)
            writer.raw.execute("COMMIT")
            os.utime(self._lock.path)  # its time is the ledger's birth, which importers look at
        self._writer = writer
        return writer

    def _drop_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.raw.close()

    def _set_aside(self, error: BaseException) -> None:
        """Move a broken database away; the next transaction begins a new one."""
        self._drop_writer()
        aside = f"{self._path}.corrupt-{time.strftime('%Y%m%dT%H%M%S')}"
        for end in _FILES:
            if os.path.exists(self._path + end):
                os.replace(self._path + end, aside + end)
        warn(
            f"the ledger {self._path} is corrupt ({error}); moved to {aside}, a new one begun",
            "corrupt",
        )

    # --- the reading side ----------------------------------------------------------------

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        self._refuse_a_child()
        try:
            with self._readers.one() as reader:
                yield reader
        except (sqlite3.Error, OSError) as error:
            raise self._unreachable(error) from None

    def _stream(self, sql: str, values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        self._refuse_a_child()
        try:
            yield from self._readers.stream(sql, values)
        except sqlite3.Error as error:
            raise self._unreachable(error) from None

    def tag(self, key: str) -> tuple[str, str]:
        """An expression for one tag of a call and the value it takes."""
        if key.isprintable() and not set(key) & {'"', "\\"}:
            return "json_extract(tags, ?)", f'$."{key}"'
        return "(SELECT atom FROM json_each(tags) AS one WHERE one.key = ?)", key  # no path can

    def check(self) -> list[str]:
        """Faults found in the file and its rollups; empty when sound."""
        with self._read() as db:
            told = [str(row[0]) for row in db.all("PRAGMA integrity_check(10)")]
        return [line for line in told if line != "ok"] or super().check()

    def close(self) -> None:
        """Close every connection; the ledger opens them again when it is used."""
        with self._mutex, forks.barred(sqlite=True):
            self._readers.close()
            self._drop_writer()
            self._lock.close()

    def _unreachable(self, error: Exception) -> LedgerUnreachable:
        shut = isinstance(error, PermissionError) or "unable to open" in str(error)
        mend = "name a place that can be written: FINOPS_LEDGER=PATH" if shut else None
        return LedgerUnreachable(f"ledger {self._path}: {error}", mend=mend or "see: finops doctor")

    def before_fork(self) -> None:
        """Close what nobody uses just now: a child that found it open would take its locks for
        its own, and what it writes is lost when its parent closes the ledger."""
        self._readers.close_unused()
        self._drop_writer()

    def after_fork(self) -> None:
        """The child leaves alone what a thread was busy with, where it might wait for ever."""
        if not forks.cut_off:
            self._readers.end_streams()
        _inherited.extend(filter(None, (*self._readers.open, self._writer)))
        self._lock.close()
        self._begin_anew()


_ledgers: WeakSet[SQLiteLedger] = WeakSet()
_inherited: list[Connection] = []


def _before_fork() -> None:
    for ledger in list(_ledgers):
        ledger.before_fork()


def _after_fork() -> None:
    for ledger in list(_ledgers):
        ledger.after_fork()


forks.before.append(_before_fork)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
