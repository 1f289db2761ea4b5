"""The connections that read one SQLite file: one a thread, which ends with it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from finops_pack import forks
from finops_pack.errors import LedgerUnreachable
from finops_pack.ledger._sqlite import Connection, inode_of, open_reader

_ROWS = 500  # of a stream at a time
_CLOSE_SECONDS = 0.25  # for a question in another thread to end


class Readers:
    """Those of one file; safe for threads. Raises what SQLite raises, and `LedgerUnreachable`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._adding = threading.Lock()
        self._streams: WeakSet[sqlite3.Cursor] = WeakSet()
        self._forget()

    def _forget(self) -> None:
        self._local = threading.local()
        self.open: WeakSet[Connection] = WeakSet()

    @contextmanager
    def one(self) -> Iterator[Connection]:
        """This thread's connection, in a transaction of its own; nobody closes it meanwhile."""
        with forks.barred(sqlite=True):
            reader = self._taken()
            try:
                reader.raw.execute("BEGIN")
                yield reader
            finally:
                if reader.raw.in_transaction:
                    reader.raw.execute("ROLLBACK")
                reader.busy.release()

    def _taken(self) -> Connection:
        while True:
            reader = self._held()
            reader.busy.acquire()
            is_open = getattr(self._local, "reader", None) is reader
            if is_open:
                return reader
            reader.busy.release()  # closed since

    def _held(self) -> Connection:
        """This thread's; a new one when the file is another."""
        held: Connection | None = getattr(self._local, "reader", None)
        inode = inode_of(self._path)
        if inode is None:
            raise LedgerUnreachable(f"there is no ledger at {self._path}")
        if held is None or held.inode != inode:
            held = self._local.reader = open_reader(self._path)
            with self._adding:
                self.open.add(held)
        return held

    def stream(self, sql: str, values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        """The rows, over a connection of their own: an open cursor would hold other questions in
        its past."""
        with forks.barred(sqlite=True):
            reader = open_reader(self._path)
        try:
            with forks.barred(sqlite=True):
                cursor = reader.raw.execute(sql, values)
                self._streams.add(cursor)
            while rows := _some(cursor):
                yield from rows
        finally:
            with forks.barred(sqlite=True):
                reader.raw.close()

    def close(self) -> None:
        """Close all; one that another thread goes on reading from ends when that lets go of it."""
        with self._adding:
            readers = list(self.open)
            self._forget()
        for reader in readers:
            if reader.busy.acquire(timeout=_CLOSE_SECONDS):
                reader.raw.close()
                reader.busy.release()

    def close_unused(self) -> None:
        """Close all without a look, where it is known that no thread is using one."""
        for reader in self.open:
            reader.raw.close()
        self._forget()

    def end_streams(self) -> None:
        """Close those that a parent reads on from: its own go on, and keep their locks."""
        for cursor in self._streams:
            cursor.close()  # else SQLite goes on holding the connection
            cursor.connection.close()


def _some(cursor: sqlite3.Cursor) -> list[Any]:
    with forks.barred(sqlite=True):
        return cursor.fetchmany(_ROWS)
