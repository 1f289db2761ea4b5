"""Booking a batch of lines inside one transaction, the same for every store."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from finops_pack.ledger import Booked, Line, _rows
from finops_pack.ledger._db import Db, insert, one, run_in, select_in
from finops_pack.ledger._facts import Facts
from finops_pack.ledger._gate import hold, release
from finops_pack.ledger._json import compact
from finops_pack.ledger._names import scrub
from finops_pack.ledger._prepare import Key, Prepared
from finops_pack.ledger._rows import Row
from finops_pack.ledger._schema import COLUMNS
from finops_pack.ledger._sums import Sums
from finops_pack.ledger.rollup import day_of

_STORED = ("seq", "day", *COLUMNS)
_NAMES = ", ".join(f'"{name}"' for name in _STORED)
_IDENTITY = ("source", "id")
_ANSWER = ("provider", "response_id")


@dataclass(slots=True)
class _Entry:
    """One call of the batch: as it stands in the books (None: new) and as it shall stand."""

    row: Row  # clean while nobody but its own line has told of it, else every column
    old: Row | None = None
    seq: int | None = None

    def change(self, merge: Callable[[Row, Any], Row], told: Mapping[str, Any]) -> None:
        """Let another line have its say."""
        self.row = merge(_rows.full(self.row), told)


@dataclass(slots=True)
class _Batch:
    """The calls that a batch speaks of, by identity and by the provider's answer."""

    entries: dict[Key, _Entry] = field(default_factory=dict)
    answers: dict[Key, _Entry] = field(default_factory=dict)
    aliases: list[tuple[Key, _Entry]] = field(default_factory=list)
    early: dict[Key, list[Line]] = field(default_factory=dict)  # amendments without a call
    taken: list[int] = field(default_factory=list)  # their places in the books


def book(db: Db, prepared: Prepared, zone: str) -> Booked:
    """Book what was prepared, once; the caller commits. Raises only what the database raises."""
    batch = _known(db, [row for row, _ in prepared.calls])
    for row, line in prepared.calls:
        _tell(batch, row, line)
    for key, tasks in prepared.outer.items():
        if batch.entries[key].old is None:
            hold(db, batch.entries[key].row, tasks)
    counts = _write(db, batch, prepared.facts, zone)
    prepared.facts.write(db)
    return Booked(*counts, rejected=tuple(prepared.rejected))


def _known(db: Db, rows: Sequence[Row]) -> _Batch:
    keys = list({(row["source"], row["id"]): None for row in rows})
    batch = _Batch(_held(db, keys))
    unknown = [key for key in keys if key not in batch.entries]
    if unknown and one(db, "SELECT 1 FROM aliases LIMIT 1"):
        _follow_aliases(db, batch, unknown)
    _take_early(db, batch, [key for key in unknown if key not in batch.entries])
    answers = dict.fromkeys(filter(None, map(_answer, rows)))
    held = {entry.seq: entry for entry in batch.entries.values()}
    answered = select_in(db, _NAMES, "calls", _ANSWER, list(answers))
    for found in sorted(answered, key=itemgetter(0)):  # of several the first booked, in any store
        entry = held.get(found[0]) or _stored(found)
        batch.answers.setdefault((entry.row["provider"], entry.row["response_id"]), entry)
    return batch


def _held(db: Db, keys: Sequence[Key]) -> dict[Key, _Entry]:
    """Those of these calls that stand in the books."""
    entries = map(_stored, select_in(db, _NAMES, "calls", _IDENTITY, keys))
    return {(entry.row["source"], entry.row["id"]): entry for entry in entries}


def _answer(row: Row) -> Key | None:
    """What the provider calls its answer: two sources that name the same tell of one call."""
    provider, response = row.get("provider"), row.get("response_id")
    return None if provider is None or response is None else (provider, response)


def _stored(found: tuple[Any, ...]) -> _Entry:
    row = dict(zip(_STORED[1:], found[1:], strict=True))
    return _Entry(row, row, found[0])


def _follow_aliases(db: Db, batch: _Batch, unknown: Sequence[Key]) -> None:
    names: dict[int, list[Key]] = {}
    for seq, source, call_id in select_in(db, "seq, source, id", "aliases", _IDENTITY, unknown):
        names.setdefault(seq, []).append((source, call_id))
    held = {entry.seq: entry for entry in batch.entries.values()}
    missing = [(seq,) for seq in names if seq not in held]
    for found in select_in(db, _NAMES, "calls", ("seq",), missing):
        held[found[0]] = _stored(found)
    batch.entries.update({key: held[seq] for seq, keys in names.items() for key in keys})


def _take_early(db: Db, batch: _Batch, unknown: Sequence[Key]) -> None:
    """The amendments that came before their call, without what a store may refuse it for."""
    if not unknown or not one(db, "SELECT 1 FROM late LIMIT 1"):
        return
    for n, source, call_id, body in sorted(
        select_in(db, "n, source, id, body", "late", _IDENTITY, unknown)
    ):
        batch.early.setdefault((source, call_id), []).append(scrub(json.loads(body)))
        batch.taken.append(n)


def _tell(batch: _Batch, row: Row, line: Line | None) -> None:
    key = (row["source"], row["id"])
    entry: _Entry | None = batch.entries.get(key)
    if line is not None and line["type"] == "amend":
        if entry is None:
            batch.early.setdefault(key, []).append(dict(line))
        else:
            entry.change(_rows.amended, line)
        return
    if entry is not None:
        entry.change(_merge(entry, row, line), row)
        return
    entry = batch.entries[key] = _first_told(batch, key, row)
    for amendment in batch.early.pop(key, ()):
        entry.change(_rows.amended, amendment)


def _first_told(batch: _Batch, key: Key, row: Row) -> _Entry:
    """The call that this name stands for from now on: a new one, or one of another source."""
    answer = _answer(row)
    other = batch.answers.get(answer) if answer else None
    if other is not None and other.row["source"] != row["source"]:
        other.change(_rows.filled, row)
        batch.aliases.append((key, other))
        return other
    entry = _Entry(row)
    if answer:
        batch.answers.setdefault(answer, entry)
    return entry


def _merge(entry: _Entry, row: Row, line: Line | None) -> Callable[[Row, Any], Row]:
    if entry.row["source"] != row["source"] or entry.row["id"] != row["id"]:
        return _rows.filled
    return _MERGES.get(str(line["merge"]) if line is not None else "", _rows.replaced)


_MERGES: Mapping[str, Callable[[Row, Any], Row]] = {
    "max": _rows.grown,
    "larger": _rows.larger,
    "undated": _rows.undated,
}


def _write(db: Db, batch: _Batch, facts: Facts, zone: str) -> tuple[int, int, int]:
    entries = list({id(entry): entry for entry in batch.entries.values()}.values())
    counts = _store(db, entries, facts, zone)
    _remember(db, batch)
    return counts


def _store(db: Db, entries: Sequence[_Entry], facts: Facts, zone: str) -> tuple[int, int, int]:
    new = [entry for entry in entries if entry.old is None]
    changed = [e for e in entries if e.old is not None and e.row != e.old]
    _date(new, changed, zone)
    _insert(db, [entry.row for entry in new])
    for entry in changed:
        _update(db, entry)
    _count(db, new, changed)
    facts.tasks_of(entry.row for entry in (*new, *changed))
    # the bill of a call that ended nobody knows how stays reserved, until that expires
    release(db, [e.row for e in entries if e.row.get("usage_basis") != "unknown"])
    return len(new), len(changed), len(entries) - len(new) - len(changed)


def put_rows(db: Db, rows: Sequence[Row], zone: str) -> Booked:
    """Rows of another ledger as they stand there, every column given."""
    wanted = {(row["source"], row["id"]): row for row in rows}
    held, entries = _held(db, list(wanted)), []
    for key, row in wanted.items():
        entry = held.get(key) or _Entry({})
        entry.row = {**(entry.old or {}), **row}
        entries.append(entry)
    facts = Facts()
    counts = _store(db, entries, facts, zone)
    facts.write(db)
    return Booked(*counts)


def _date(new: Sequence[_Entry], changed: Sequence[_Entry], zone: str) -> None:
    now = time.time_ns() // 1000
    for entry in new:
        entry.row.setdefault("booked_us", now)
        entry.row["day"] = day_of(entry.row["start_us"], zone)
    for entry in changed:
        if entry.row["corrected_us"] == (entry.old or {})["corrected_us"]:
            entry.row["corrected_us"] = now
        entry.row["day"] = day_of(entry.row["start_us"], zone)


def _count(db: Db, new: Sequence[_Entry], changed: Sequence[_Entry]) -> None:
    sums = Sums(db)
    for entry in new:
        sums.add(_rows.full(entry.row))
    for entry in changed:
        sums.add(entry.old or {}, -1)
        sums.add(entry.row)
    sums.write()


def _insert(db: Db, rows: Iterable[Row]) -> None:
    """Rows of one shape go together: a value that is bound as None costs more than a column.

    Those of one moment keep the order in which they were told: nothing else says which was first.
    """
    shapes: dict[tuple[str, ...], list[Iterable[Any]]] = {}
    moments: dict[int, tuple[str, ...]] = {}
    for row in rows:
        if len(row) > len(COLUMNS):  # more than one line has told of it
            row = {name: value for name, value in row.items() if value is not None}
        shape = tuple(row)
        if moments.setdefault(row["start_us"], shape) != shape:
            _insert_shapes(db, shapes)
            shapes, moments = {}, {row["start_us"]: shape}
        shapes.setdefault(shape, []).append(row.values())
    _insert_shapes(db, shapes)


def _insert_shapes(db: Db, shapes: Mapping[tuple[str, ...], list[Iterable[Any]]]) -> None:
    for columns, values in shapes.items():
        insert(db, "calls", columns, values)


def _update(db: Db, entry: _Entry) -> None:
    old = entry.old or {}
    changed = [name for name, value in entry.row.items() if value != old[name]]
    places = ", ".join(f'"{name}" = ?' for name in changed)
    values = [entry.row[name] for name in changed]
    db.run(f"UPDATE calls SET {places} WHERE seq = ?", (*values, entry.seq))


def _remember(db: Db, batch: _Batch) -> None:
    """Other names of calls, and amendments whose call is not known yet."""
    for key, entry in batch.aliases:
        db.run(
            "INSERT INTO aliases (source, id, seq) SELECT ?, ?, seq FROM calls"
            " WHERE source = ? AND id = ?",
            (*key, entry.row["source"], entry.row["id"]),
        )
    run_in(db, "DELETE FROM late", "n", batch.taken)
    waiting = ((*key, compact(line)) for key, lines in batch.early.items() for line in lines)
    insert(db, "late", ("source", "id", "body"), waiting)
