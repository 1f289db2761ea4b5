"""Where the server keeps its rows: one small interface, one file for each store behind it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from finops_pack.errors import ConfigError, LedgerUnreachable
from finops_pack.ledger import normalise, sqlite_path

Row = dict[str, Any]


class Busy(LedgerUnreachable):
    """The store is held by somebody else or gone for now; the same may succeed in a moment."""

    code = "busy"


class Transaction(Protocol):
    """One open transaction; `?` stands for a value in both dialects."""

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run one statement; its rows, if it returns any."""
        ...


class Database(Protocol):
    """Safe from any thread; several processes may share one store. Raises `Busy`."""

    quick_reads: bool
    """Whether a row by its key takes microseconds and waits for nobody."""

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """The rows of one SELECT, as committed."""
        ...

    def write(self) -> AbstractContextManager[Transaction]:
        """A transaction: committed when the block ends, undone when it raises."""
        ...

    def close(self) -> None:
        """Give all connections back."""
        ...


def open_database(url: str) -> Database:
    """The store behind a path, `sqlite:////abs` or `postgresql://…`, its schema up to date.

    Raises `LedgerUnreachable` when it cannot be opened and `ConfigError` for another scheme.
    """
    scheme = normalise(url).partition(":")[0]
    if scheme == "sqlite":
        from finops_pack.server.stores.sqlite import SQLiteDatabase

        return SQLiteDatabase(sqlite_path(url))
    if scheme == "postgresql":
        from finops_pack.server.stores.postgres import PostgresDatabase

        return PostgresDatabase(url)
    raise ConfigError(
        f"server database {normalise(url)!r}: unknown kind {scheme!r}",
        mend="use a path, sqlite:////path or postgresql://…",
    )
