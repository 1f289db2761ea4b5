"""What the shared logic asks of a database: a few calls that every dialect can answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, Protocol

NEWEST_DOCUMENT = "ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body"
Values = Sequence[Any]
_SIZES = (64, 16, 4, 1)  # few sizes, so that prepared statements are found again


class Db(Protocol):
    """One connection inside a transaction. SQL marks values with `?` on every dialect."""

    def all(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        ...

    def run(self, sql: str, values: Values = ()) -> int:
        """Run a statement; the number of rows it touched."""
        ...


class Dialect(Protocol):
    """Where SQL differs from store to store."""

    integer: str
    serial: str
    table_suffix: str

    def tag(self, key: str) -> tuple[str, str]:
        """An expression for one tag of a call and the value it takes."""
        ...


def one(db: Db, sql: str, values: Values = ()) -> tuple[Any, ...] | None:
    """The first row, if any."""
    rows = db.all(sql, values)
    return rows[0] if rows else None


def chunks(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The rows in pieces of few distinct sizes."""
    at = 0
    for size in _SIZES:
        while len(rows) - at >= size:
            yield rows[at : at + size]
            at += size


def insert(
    db: Db, table: str, columns: Sequence[str], rows: Iterable[Iterable[Any]], conflict: str = ""
) -> None:
    """Insert rows, many in one statement: it holds Python's lock once, not once a row."""
    place = f"({', '.join('?' * len(columns))})"
    names = ", ".join(f'"{name}"' for name in columns)
    stream = iter(rows)
    while batch := list(islice(stream, 4096)):
        for chunk in chunks(batch):
            places = ", ".join([place] * len(chunk))
            sql = f"INSERT INTO {table} ({names}) VALUES {places} {conflict}"
            db.run(sql, list(chain.from_iterable(chunk)))


def select_in(
    db: Db, what: str, table: str, columns: Sequence[str], keys: Sequence[Values]
) -> Iterator[tuple[Any, ...]]:
    """The rows whose columns are one of the keys, each key found by index."""
    names = [f"k{n}" for n in range(len(columns))]
    place = f"({', '.join('?' * len(columns))})"
    same = " AND ".join(f"{c} = {k}" for c, k in zip(columns, names, strict=True))
    for chunk in chunks(keys):
        wanted = f"wanted ({', '.join(names)}) AS (VALUES {', '.join([place] * len(chunk))})"
        yield from db.all(
            f"WITH {wanted} SELECT {what} FROM wanted CROSS JOIN {table} WHERE {same}",
            [value for key in chunk for value in key],
        )


def run_in(db: Db, sql: str, column: str, keys: Sequence[Any]) -> None:
    """Run a statement on the rows whose column is one of the keys."""
    for chunk in chunks(keys):
        db.run(f"{sql} WHERE {column} IN ({', '.join('?' * len(chunk))})", chunk)
