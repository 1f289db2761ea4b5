"""The server's rows in PostgreSQL, over a pool of psycopg 3 connections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg import Connection, Error, IsolationLevel, OperationalError, connect
from psycopg.errors import ReadOnlySqlTransaction
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from finops_pack.errors import LedgerUnreachable
from finops_pack.ledger import normalise
from finops_pack.server.stores import Busy, Row, schema

_WAIT_SECONDS = 5
_CONNECTIONS = 16  # at most
_CONNECTION: dict[str, Any] = {
    "row_factory": dict_row,
    "client_encoding": "utf8",  # of SQL_ASCII we would get bytes
    "prepare_threshold": None,  # a pooler may hand us another's session; a table may gain a column
}
_MIGRATING = 0x66696E6F7073  # one process at a time takes the schema's steps


class PostgresDatabase:
    """A pool; every statement runs in a transaction of its own connection."""

    quick_reads = False

    def __init__(self, url: str) -> None:
        try:
            with connect(url, connect_timeout=_WAIT_SECONDS, **_CONNECTION) as first:
                first.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATING,))
                schema.migrate(_Transaction(first))
        except Error as error:
            raise LedgerUnreachable(f"server database {normalise(url)}: {error}") from None
        self._pool: ConnectionPool[Connection[Row]] = ConnectionPool(
            url,
            min_size=1,
            max_size=_CONNECTIONS,
            timeout=_WAIT_SECONDS,
            reconnect_timeout=_WAIT_SECONDS,  # for longer, it would pause for longer
            kwargs=_CONNECTION,
            configure=_configure,
            check=ConnectionPool.check_connection,
            open=True,
        )

    def read(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """The rows of one SELECT, as committed."""
        with _busy(), self._pool.connection() as connection:
            return connection.execute(_dialect(sql), values).fetchall()

    @contextmanager
    def write(self) -> Iterator[_Transaction]:
        """A transaction: committed when the block ends, undone when it raises."""
        with _busy(), self._pool.connection() as connection, connection.transaction():
            yield _Transaction(connection)

    def close(self) -> None:
        """Close the pool."""
        self._pool.close()


def _configure(connection: Connection[Row]) -> None:
    """Stricter than needed, as a database may be by default, it would refuse one of two writers."""
    connection.isolation_level = IsolationLevel.READ_COMMITTED


@contextmanager
def _busy() -> Iterator[None]:
    """No free connection, a lost one, a database that restarts or is a replica yet: it passes."""
    try:
        yield
    except (OperationalError, ReadOnlySqlTransaction) as error:
        raise Busy(f"server database: {error}") from error


class _Transaction:
    def __init__(self, connection: Connection[Row]) -> None:
        self._connection = connection

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run one statement; its rows, if it returns any."""
        cursor = self._connection.execute(_dialect(sql), values)
        return cursor.fetchall() if cursor.description else []


def _dialect(sql: str) -> bytes:
    return sql.replace("?", "%s").encode()
