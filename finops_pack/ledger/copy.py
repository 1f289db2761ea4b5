"""A ledger into another one, of either kind: row by row, resumable, read back and compared."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from finops_pack.errors import ConfigError, InputError
from finops_pack.ledger import Booked, Ledger
from finops_pack.ledger._book import put_rows
from finops_pack.ledger._db import Db, insert, one, select_in
from finops_pack.ledger._json import canonical
from finops_pack.ledger._names import SHORT_TEXT, scrub, shortened
from finops_pack.ledger._schema import COLUMNS, KINDS, SEGMENT_COLUMNS, TASK_COLUMNS
from finops_pack.ledger._store import SQLLedger
from finops_pack.model import Totals, Where

PAGE = 500
_PLACE = "copied"
"""Kind of the document by which a copy knows the ledger that it is one of."""

_NAMES = ", ".join(f'"{name}"' for name in COLUMNS)
_SMALL = {
    "tasks": (TASK_COLUMNS, ("id",)),
    "segments": (SEGMENT_COLUMNS, ("session", "id")),
    "documents": (("kind", "key", "body"), ("kind", "key")),
    "reservations": (
        ("scope", "call_id", "pico", "made_us", "expires_us", "settled"),
        ("scope", "call_id"),
    ),
}
_JSON = tuple(name for name, kind in KINDS.items() if kind == "json")
Row = dict[str, Any]


@dataclass(slots=True)
class Copied:
    """What a copy did; `differing` says what does not read back as it stands in the source."""

    new: int = 0
    corrected: int = 0
    unchanged: int = 0
    differing: list[str] = field(default_factory=list)


def copy(
    source: Ledger, target: Ledger, progress: Callable[[int], None] = lambda calls: None
) -> Copied:
    """Copy everything; again: only what is new or has changed since.

    Raises `ConfigError` when the target holds calls of its own or one of them is no database,
    `LedgerUnreachable` when one of them fails on the way; then call it again.
    """
    if not isinstance(source, SQLLedger) or not isinstance(target, SQLLedger):
        raise ConfigError("only a database can be copied", mend="name two paths or postgresql://…")
    source.drain(10.0)
    _begin(source, target)
    done = Copied()
    for rows in _pages(source):
        _copy_calls(target, rows, done)
        progress(done.new + done.corrected + done.unchanged)
    _copy_aliases(source, target)
    _copy_waiting(source, target)
    for table, (columns, key) in _SMALL.items():
        _copy_table(source, target, table, columns, key)
    _give_back(source, target)
    done.differing += _differences(source, target)
    return done


def _begin(source: SQLLedger, target: SQLLedger) -> None:
    if source.id == target.id:
        raise ConfigError(f"{source.url}: cannot be copied into itself")
    if target.get(_PLACE, source.id) is not None:
        return
    if target.span() is not None:
        raise ConfigError(
            f"{target.url}: holds calls of its own", mend="copy into a ledger that is new"
        )
    target.rebuild(source.time_zone)
    target.put(_PLACE, source.id, {"from": source.url, "time_us": time.time_ns() // 1000})


def _pages(ledger: SQLLedger) -> Iterator[list[Row]]:
    """Calls in the order of booking, so that tags keep the values that they count under.

    What is booked meanwhile is the next copy's: under busy agents there is no last page.
    """
    with ledger._read() as db:
        [(end,)] = db.all("SELECT COALESCE(MAX(seq), 0) FROM calls")
    last = 0
    sql = f"SELECT seq, {_NAMES} FROM calls WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT {PAGE}"
    while True:
        with ledger._read() as db:
            rows = db.all(sql, (last, end))
        if not rows:
            return
        last = rows[-1][0]
        yield [dict(zip(COLUMNS, row[1:], strict=True)) for row in rows]


def _copy_calls(target: SQLLedger, rows: Sequence[Row], done: Copied) -> None:
    try:
        _add(done, _put(target, rows))
    except target.data_faults:
        rows = [_put_mended(target, row, done) for row in rows]
    keys = [(row["source"], row["id"]) for row in rows]
    with target._read() as db:
        held = list(select_in(db, _NAMES, "calls", ("source", "id"), keys))
    back = [dict(zip(COLUMNS, values, strict=True)) for values in held]
    found = {(row["source"], row["id"]): row for row in back}
    wrong = [key for key, row in zip(keys, rows, strict=True) if found.get(key) != row]
    done.differing += [f"call {source}/{call_id}" for source, call_id in wrong]


def _put(target: SQLLedger, rows: Sequence[Row]) -> Booked:
    with target._write() as db:
        return put_rows(db, rows, target.time_zone)


def _put_mended(target: SQLLedger, row: Row, done: Copied) -> Row:
    """A row as the target can hold it: PostgreSQL takes no NUL and no name of any length."""
    for mend in (dict, scrub, shortened):
        row = _mended(row, mend)
        try:
            _add(done, _put(target, [row]))
        except target.data_faults as error:
            reason = str(error)
        else:
            return row
    raise InputError(f"{target.url} refuses the call {row['id'][:100]}: {reason}")


def _mended(row: Row, mend: Callable[[Row], Row]) -> Row:
    told = {name: json.loads(row[name]) for name in _JSON if row[name] is not None}
    changed = mend({**row, **told})
    return {**changed, **{name: canonical(changed[name]) for name in told}}


def _add(done: Copied, booked: Booked) -> None:
    done.new += booked.new
    done.corrected += booked.corrected
    done.unchanged += booked.unchanged


def _copy_aliases(source: SQLLedger, target: SQLLedger) -> None:
    rows = source._stream(
        "SELECT aliases.source, aliases.id, calls.source, calls.id"
        " FROM aliases JOIN calls ON calls.seq = aliases.seq",
        (),
    )
    while page := list(islice(rows, PAGE)):
        _write(target, _put_aliases, page)


def _put_aliases(db: Db, page: Sequence[Any]) -> None:
    for alias in page:
        db.run(
            "INSERT INTO aliases (source, id, seq) SELECT ?, ?, seq FROM calls"
            " WHERE source = ? AND id = ? ON CONFLICT (source, id) DO NOTHING",
            alias,
        )


def _copy_waiting(source: SQLLedger, target: SQLLedger) -> None:
    """Amendments whose call is yet to come; one whose call has come since is part of that."""
    sql = "SELECT source, id, body FROM late ORDER BY n"
    with source._read() as db:
        waiting = db.all(sql)
    with target._write() as db:
        known = "SELECT 1 FROM calls WHERE calls.source = late.source AND calls.id = late.id"
        db.run(f"DELETE FROM late WHERE EXISTS ({known})")
        held = set(db.all(sql))
    target.book([json.loads(row[2]) for row in waiting if row not in held])


def _write(
    target: SQLLedger,
    put: Callable[[Db, Sequence[Any]], None],
    page: Sequence[Any],
    mends: Sequence[Callable[[Any], Any]] = (scrub,),
) -> None:
    """Put a page there; where it is refused, row by row, as each can be held."""
    try:
        with target._write() as db:
            put(db, page)
    except target.data_faults:
        if not mends:
            raise
        for row in page:
            _write(target, put, [mends[0](row)], mends[1:])


def _copy_table(
    source: SQLLedger, target: SQLLedger, table: str, columns: Sequence[str], key: Sequence[str]
) -> None:
    def short(row: Sequence[Any]) -> list[Any]:
        named = zip(columns, row, strict=True)
        return [value[:SHORT_TEXT] if name in key else value for name, value in named]

    def put(db: Db, page: Sequence[Any]) -> None:
        insert(db, table, columns, page, conflict)

    rows = source._stream(f"SELECT {', '.join(columns)} FROM {table}", ())
    news = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
    conflict = f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {news}"
    while page := list(islice(rows, PAGE)):
        _write(target, put, page, (scrub, short))


def _give_back(source: SQLLedger, target: SQLLedger) -> None:
    """Money set aside before the first copy is the source's: what it has given back since goes."""
    first = (target.get(_PLACE, source.id) or {}).get("time_us", 0)
    sql = "SELECT scope, call_id FROM reservations WHERE made_us < ?"
    with source._read() as db:
        held = set(db.all(sql, (first,)))
    with target._write() as db:
        for key in set(db.all(sql, (first,))) - held:
            db.run("DELETE FROM reservations WHERE scope = ? AND call_id = ?", key)


def _differences(source: SQLLedger, target: SQLLedger) -> Iterator[str]:
    for mode in ("metered", "subscription", "unknown"):
        theirs, ours = (_whole(ledger, mode) for ledger in (source, target))
        if theirs != ours:
            yield f"sums of {mode} calls: {theirs} there, {ours} here"
    for table in ("calls", "aliases", "tasks", "segments", "reservations"):
        counts = [_count(ledger, table) for ledger in (source, target)]
        if counts[0] != counts[1]:
            yield f"{table}: {counts[0]} rows there, {counts[1]} here"


def _whole(ledger: SQLLedger, mode: Any) -> Totals:
    return ledger.totals(None, Where(billing=mode))[0]


def _count(ledger: SQLLedger, table: str) -> int:
    with ledger._read() as db:
        found = one(db, f"SELECT COUNT(*) FROM {table}")
    return int(found[0]) if found else 0
