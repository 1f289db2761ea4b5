"""The ledger in PostgreSQL: many hosts, one book. The same logic as in SQLite, another dialect.

Whoever writes holds one advisory lock for the transaction, so that gate and drainers of all
hosts take turns as they do around a SQLite file; readers wait for nobody.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from finops_pack import log
from finops_pack.errors import LedgerAbsent, LedgerOutdated, LedgerUnreachable
from finops_pack.ledger._base import WAIT, Write
from finops_pack.ledger._db import Db
from finops_pack.ledger._schema import COLUMNS
from finops_pack.ledger._store import SQLLedger
from finops_pack.ledger.migrations import MIGRATIONS, migrate, settings, settled, time_zone

CONNECTIONS = 8
CONNECT_SECONDS = 5.0
RECONNECT_SECONDS = 1.0
"""A pool that tries for longer pauses for longer: it would miss a server that is back."""
_LOCK = 0x66696E6F7073  # "finops"
_POOL = "finops-ledger"
# Any other isolation, as a database may have by default, would see the books as they stood
# before the lock was waited for. The host that holds the lock may be gone without a word.
_BEGUN = (
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED;"
    "SET LOCAL idle_in_transaction_session_timeout = '30s';"
)

log.keep_quiet("psycopg.pool", _POOL)


class _Raw(psycopg.Connection[tuple[Any, ...]]):
    """A connection that bears its pool's name, so that what the pool says of it stays quiet."""

    def __repr__(self) -> str:
        return f"{_POOL} {super().__repr__()}"


class _Connection:
    """`Db` over one connection."""

    def __init__(self, raw: psycopg.Connection[tuple[Any, ...]]) -> None:
        self.raw = raw

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self.raw.execute(_dialect(sql), values).fetchall()

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        return self.raw.execute(_dialect(sql), values).rowcount


@lru_cache(maxsize=512)
def _dialect(sql: str) -> bytes:
    """Our `?` as psycopg's `%s`."""
    return sql.replace("%", "%%").replace("?", "%s").encode()


class PostgresLedger(SQLLedger):
    """One database; safe for threads, processes and forks."""

    integer = "BIGINT"
    serial = "BIGSERIAL PRIMARY KEY"
    data_faults = (UnicodeError, OverflowError, psycopg.DataError, psycopg.IntegrityError,
                    psycopg.errors.ProgramLimitExceeded)  # fmt: skip

    def __init__(self, url: str, *, create: bool = True, read_only: bool = False) -> None:
        super().__init__(url)
        self._address = url
        self._read_only = read_only
        self._guard = threading.Lock()
        self._pool: ConnectionPool[Any] | None = None
        self._pid = 0
        self.time_zone = self._settle_schema(create)

    def _settle_schema(self, create: bool) -> str:
        held = self._settings()
        if held is None and (self._read_only or not create):
            raise LedgerAbsent(f"there is no ledger in {self.url}", mend="record a call first")
        if held is None or not self._usable(held):
            if self._read_only:
                raise LedgerOutdated(f"{self.url} has another schema", mend="run: finops drain")
            with self._write() as db:
                if held is None:
                    self._refuse_an_alphabet(db)
                migrate(db, self, time_zone(), _columns)
            held = self._settings() or {}
        return str(held["time_zone"])

    def _refuse_an_alphabet(self, db: Db) -> None:
        """What cannot hold every name would lose the calls that bear one."""
        [(encoding,)] = db.all("SHOW server_encoding")
        if encoding not in ("UTF8", "SQL_ASCII"):
            mend = "createdb --encoding=UTF8 --template=template0 NAME"
            raise LedgerUnreachable(f"{self.url} is encoded in {encoding}", mend=mend)

    def _usable(self, held: Mapping[str, Any]) -> bool:
        """Whether the tables are as this version needs them: it may have no right to alter any."""
        if held["schema"] != len(MIGRATIONS):
            return False
        if settled(held):
            return True
        with self._read() as db:
            return set(COLUMNS) <= set(_columns(db))

    def _settings(self) -> dict[str, Any] | None:
        with self._read() as db:
            if not db.all("SELECT 1 WHERE to_regclass('meta') IS NOT NULL"):
                return None
            return settings(db)

    @contextmanager
    def _connection(self, timeout: float) -> Iterator[psycopg.Connection[Any]]:
        try:
            with self._pooled().connection(timeout=max(timeout, 0.05)) as raw:
                yield raw
        except self.data_faults:
            raise
        except (psycopg.Error, PoolTimeout, OSError) as error:
            told = str(error).strip().splitlines()
            raise LedgerUnreachable(
                f"ledger {self.url}: {told[0] if told else type(error).__name__}",
                mend="check that the server runs and FINOPS_LEDGER is right",
            ) from None

    def _pooled(self) -> ConnectionPool[Any]:
        """This process's connections; a child makes its own."""
        with self._guard:
            if self._pool is None or self._pid != os.getpid():
                self._pid = os.getpid()
                self._pool = ConnectionPool(
                    self._address,
                    connection_class=_Raw,
                    min_size=0,
                    max_size=CONNECTIONS,
                    open=True,
                    name=_POOL,
                    reconnect_timeout=RECONNECT_SECONDS,
                    check=ConnectionPool.check_connection,  # a server may have begun anew
                    kwargs={
                        "cursor_factory": psycopg.ClientCursor,
                        "connect_timeout": int(CONNECT_SECONDS),
                        "client_encoding": "utf8",  # of SQL_ASCII we would get bytes
                    },
                )
            return self._pool

    @contextmanager
    def _write(self, timeout: float = WAIT, how: Write = "usual") -> Iterator[_Connection]:
        if self._read_only:
            raise LedgerUnreachable(f"{self.url} was opened for reading only")
        with self._connection(timeout) as raw, raw.transaction():
            db = _Connection(raw)
            db.run(_BEGUN + f"SET LOCAL lock_timeout = {max(1, int(timeout * 1000))}")
            if how == "durable":
                db.run("SET LOCAL synchronous_commit = on")
            db.all("SELECT pg_advisory_xact_lock(?)", (_LOCK,))
            yield db

    @contextmanager
    def _read(self) -> Iterator[_Connection]:
        with self._connection(CONNECT_SECONDS) as raw, raw.transaction():
            db = _Connection(raw)
            db.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield db

    def _stream(self, sql: str, values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        with (
            self._connection(CONNECT_SECONDS) as raw,
            raw.transaction(),
            psycopg.ServerCursor(raw, "finops") as cursor,
        ):
            cursor.itersize = 2000
            yield from cursor.execute(_dialect(sql), values)

    def tag(self, key: str) -> tuple[str, str]:
        """An expression for one tag of a call and the value it takes."""
        return "(tags::jsonb ->> ?)", key

    def close(self) -> None:
        """Give the connections back."""
        with self._guard:
            pool, self._pool = self._pool, None
        if pool is not None and self._pid == os.getpid():
            pool.close(1.0)


def _columns(db: Db) -> list[str]:
    """Of the table that a query finds: there may be one of that name in every schema."""
    sql = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('calls') AND attnum > 0"
    return [str(row[0]) for row in db.all(f"{sql} AND NOT attisdropped")]
