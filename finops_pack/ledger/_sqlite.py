"""Connections to one SQLite file, and the file lock that lets one of them write."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from finops_pack import config, forks
from finops_pack.errors import LedgerUnreachable
from finops_pack.ledger import _lock
from finops_pack.ledger._db import Db
from finops_pack.ledger.migrations import settings

CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
Inode = tuple[int, int]


class _Raw(sqlite3.Connection):
    """Closes before Python finds it open, which it complains of from 3.13 on."""

    def __del__(self) -> None:
        at_exit = sys.is_finalizing()  # a thread that is no more may hold what bars forks
        with nullcontext() if at_exit else forks.barred(sqlite=True), suppress(sqlite3.Error):
            self.close()


class Connection:
    """`Db` over one connection, and the file it was opened on."""

    def __init__(self, raw: _Raw, inode: Inode | None) -> None:
        self.raw = raw
        self.inode = inode
        self.busy = threading.Lock()  # whoever closes what another thread uses ends the process
        self._pragmas: dict[str, int] = {}

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.raw.execute(sql, values).fetchall()

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run a statement; the number of rows it touched."""
        return self.raw.execute(sql, values).rowcount

    def pragma(self, name: str, value: int) -> None:
        """Set it unless it stands so already."""
        if self._pragmas.get(name) != value:
            self.raw.execute(f"PRAGMA {name} = {value}")
            self._pragmas[name] = value

    def __del__(self) -> None:
        """With its thread: left to the garbage, it would hold its locks on, and into a fork."""
        self.raw.__del__()


class WriterLock:
    """The lock file beside a database; whoever holds it writes, of all processes and threads."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd: int | None = None

    @contextmanager
    def held(self, deadline: float) -> Iterator[None]:
        """Hold it; raises `LedgerUnreachable` when another one does until `deadline`."""
        fd = self._taken(deadline)
        try:
            yield
        finally:
            _lock.give(fd)

    def _taken(self, deadline: float) -> int:
        while True:
            fd = self._fd
            if fd is None:
                config.make(os.path.dirname(self.path))
                fd = self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            if not _lock.wait(fd, deadline):
                raise LedgerUnreachable(
                    f"another process has been writing for too long: {self.path}",
                    mend="see who holds that file",
                )
            if inode_of(self.path) == inode_of(fd):
                return fd
            self.close()  # the file was deleted: a lock on it keeps nobody out

    def close(self) -> None:
        """Close the file, in a child too: else the lock would outlive the parent."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)


def inode_of(place: str | int) -> Inode | None:
    """What file stands there; None when there is none."""
    try:
        found = os.stat(place)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def is_any(error: BaseException, codes: Sequence[int]) -> bool:
    """Whether SQLite means one of these primary result codes."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in codes


def patiently(act: Callable[[], object], deadline: float) -> None:
    """Do it; as long as somebody outside of our lock keeps the database busy, again."""
    while True:
        try:
            act()
            return
        except sqlite3.OperationalError as error:
            if not is_any(error, BUSY) or time.monotonic() > deadline:
                raise
        time.sleep(0.001)


def open_writer(path: str, deadline: float, vet: Callable[[Db], None]) -> Connection:
    """A connection that writes, in WAL mode; the file is made if need be.

    `vet` looks at the database before anything in it is changed, and may raise.
    """
    _make_private(path)
    raw = _connected(path, timeout=0, cached_statements=512)
    writer = Connection(raw, inode_of(path))
    try:
        patiently(lambda: vet(writer), deadline)
        patiently(lambda: raw.execute("PRAGMA journal_mode = WAL"), deadline)
    except BaseException:
        raw.close()
        raise
    return writer


def _make_private(path: str) -> None:
    """Make the file, for its owner alone, unless it is there.

    One that is there is never opened beside SQLite: closing it would drop the locks that this
    process's other connections hold on it (POSIX), and another process that closes the database
    would take itself for the last one and delete the WAL that we write to.
    """
    if not os.path.exists(path):
        _clear_away(path)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _clear_away(path: str) -> None:
    """Remove what a deleted or moved database has left: whoever still has it open keeps his own.

    A new database would share the old one's index of its WAL with him, and never be read.
    """
    for end in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.unlink(path + end)


def open_reader(path: str) -> Connection:
    """A connection that can only read and never checkpoints.

    Where nothing can be written it sees neither the WAL nor what changes later, so that it stands
    for no file: it is opened anew for each question.
    """
    inode = inode_of(path)
    for immutable in (False, True):
        raw = _read_only(path, immutable)
        try:
            raw.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
        except sqlite3.OperationalError as error:
            raw.close()
            if is_any(error, BUSY):  # it can be read, when somebody else is through
                raise
            continue
        return Connection(raw, None if immutable else inode)
    raise sqlite3.OperationalError("cannot be opened for reading")


def peek(path: str) -> _Raw:
    """A connection for one look at a file that may be somebody else's; it leaves none beside it."""
    return _read_only(path, immutable=not os.path.exists(f"{path}-wal"))


def _read_only(path: str, immutable: bool) -> _Raw:
    quoted = path
    for plain, code in (("%", "%25"), ("?", "%3f"), ("#", "%23")):
        quoted = quoted.replace(plain, code)
    uri = f"file:{quoted}?mode=ro{'&immutable=1' if immutable else ''}"
    return _connected(uri, uri=True, timeout=1.0)


def _connected(path: str, **options: Any) -> _Raw:
    options = {**options, "isolation_level": None, "check_same_thread": False}
    return sqlite3.connect(path, factory=_Raw, **options)


def is_ledger(db: Db) -> bool:
    """Whether the tables are ours; another program may have one by the name of `meta`, too."""
    try:
        return bool(columns_of_calls(db) and settings(db)["schema"])
    except sqlite3.OperationalError as error:
        if is_any(error, (sqlite3.SQLITE_ERROR,)):  # no such table, or no such column
            return False
        raise


def columns_of_calls(db: Db) -> list[str]:
    """The columns of `calls` as they are in the file."""
    return [str(row[1]) for row in db.all("PRAGMA table_info(calls)")]
