"""What a store over SQL provides, and its documents, which need nothing but that."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal

from finops_pack.ledger import ledger_id, normalise
from finops_pack.ledger._db import NEWEST_DOCUMENT, Db, insert, one
from finops_pack.ledger._json import compact

WAIT = 10.0
"""Seconds that a writer waits for its turn, where nobody says less."""

Write = Literal["usual", "urgent", "durable", "bulk"]
"""A transaction `urgent` for an agent that waits does no upkeep; after a `durable` one this and
all before it is on the disk itself; a `bulk` one may take memory."""


class SQLBase:
    """Connections and transactions, one dialect; raises `LedgerUnreachable` where they fail."""

    url: str
    id: str
    time_zone: str
    integer = "BIGINT"
    serial = ""
    table_suffix = ""
    data_faults: tuple[type[Exception], ...] = ()
    """What the driver raises for a value that it cannot store."""

    def __init__(self, url: str) -> None:
        self.time_zone = ""
        self.url = normalise(url)
        self.id = ledger_id(url)

    def _read(self) -> AbstractContextManager[Db]:
        """A connection that sees one state of the books."""
        raise NotImplementedError

    def _write(self, timeout: float = WAIT, how: Write = "usual") -> AbstractContextManager[Db]:
        """A transaction under the one lock, waited for at most `timeout` seconds."""
        raise NotImplementedError

    def _stream(self, sql: str, values: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        """Rows one after the other, however many."""
        raise NotImplementedError

    def tag(self, key: str) -> tuple[str, str]:
        """An expression for one tag of a call and the value it takes."""
        raise NotImplementedError

    def close(self) -> None:
        """Give everything back."""
        raise NotImplementedError


class Documents(SQLBase):
    """JSON documents by kind and key: budgets, outbox, alert states, import offsets."""

    def put(self, kind: str, key: str, body: Mapping[str, Any]) -> None:
        """Store a JSON document, replacing it."""
        with self._write() as db:
            _put(db, kind, key, body)

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """One document."""
        with self._read() as db:
            return _get(db, kind, key)

    def documents(self, kind: str) -> dict[str, dict[str, Any]]:
        """All documents of a kind by key."""
        with self._read() as db:
            rows = db.all("SELECT key, body FROM documents WHERE kind = ? ORDER BY key", (kind,))
        return {key: json.loads(body) for key, body in rows}

    def delete(self, kind: str, key: str) -> bool:
        """Remove a document; False when there was none."""
        with self._write() as db:
            return db.run("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key)) > 0

    def update(
        self,
        kind: str,
        key: str,
        change: Callable[[dict[str, Any] | None], Mapping[str, Any] | None],
    ) -> dict[str, Any] | None:
        """Read, change and write one document in one transaction; None leaves it as it is."""
        with self._write() as db:
            held = _get(db, kind, key)
            body = change(held)
            if body is None:
                return held
            _put(db, kind, key, body)
            return dict(body)


def _get(db: Db, kind: str, key: str) -> dict[str, Any] | None:
    found = one(db, "SELECT body FROM documents WHERE kind = ? AND key = ?", (kind, key))
    return dict(json.loads(found[0])) if found else None


def _put(db: Db, kind: str, key: str, body: Mapping[str, Any]) -> None:
    rows = [(kind, key, compact(body))]
    insert(db, "documents", ("kind", "key", "body"), rows, NEWEST_DOCUMENT)
