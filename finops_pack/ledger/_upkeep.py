"""Making rollups anew from the calls, and comparing them with what the calls say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from finops_pack.ledger._db import Db, run_in
from finops_pack.ledger._gate import kept_scopes
from finops_pack.ledger._reader import Reader
from finops_pack.ledger._schema import COLUMNS
from finops_pack.ledger._sums import Sums, tags_of
from finops_pack.ledger.rollup import (
    MEASURES,
    OTHER_VALUE,
    ROLLUPS,
    SPANNED,
    Deltas,
    add,
    carried,
    day_name,
    day_of,
)  # fmt: skip

_PAGE = 5000
_SHOWN = 10
_ROW = ("seq", "day", *COLUMNS)


def _pages(db: Db) -> Iterator[list[dict[str, Any]]]:
    """All calls in the order of booking, a page at a time."""
    names = ", ".join(f'"{name}"' for name in _ROW)
    last = 0
    sql = f"SELECT {names} FROM calls WHERE seq > ? ORDER BY seq LIMIT {_PAGE}"
    while found := db.all(sql, (last,)):
        last = found[-1][0]
        yield [dict(zip(_ROW, row, strict=True)) for row in found]


def remake(db: Db, zone: str) -> None:
    """Empty every rollup and fill it from the calls, in days of `zone`."""
    for table in (*ROLLUPS, "tag_values", "scopes", "scope_hours"):
        db.run(f"DELETE FROM {table}")
    for page in _pages(db):
        _redate(db, page, zone)
        sums = Sums(db)
        for row in page:
            sums.add(row)
        sums.write()
    db.run("UPDATE meta SET value = ? WHERE key = 'time_zone'", (zone,))


def _redate(db: Db, page: list[dict[str, Any]], zone: str) -> None:
    moved: dict[int, list[int]] = {}
    for row in page:
        day = day_of(row["start_us"], zone)
        if day != row["day"]:
            row["day"] = day
            moved.setdefault(day, []).append(row["seq"])
    for day, keys in moved.items():
        run_in(db, f"UPDATE calls SET day = {day}", "seq", keys)


def faults(reader: Reader) -> list[str]:
    """Where a rollup is not what the calls add up to; empty when sound."""
    expected, found = _recount(reader)
    for table, rows in expected.items():
        width = len(ROLLUPS[table])
        columns = (*ROLLUPS[table], *MEASURES, *(("first_us", "last_us") * (table in SPANNED)))
        kept = {
            r[:width]: r[width:] for r in reader.db.all(f"SELECT {', '.join(columns)} FROM {table}")
        }
        wrong = [key for key in {*rows, *kept} if rows.get(key) != kept.get(key)]
        for key in sorted(wrong)[:_SHOWN]:
            found.append(f"{table} {key}: says {kept.get(key)}, calls say {rows.get(key)}")
    return [*found, *_scope_faults(reader)]


def _recount(reader: Reader) -> tuple[dict[str, dict[Any, tuple[int, ...]]], list[str]]:
    held = set(reader.db.all("SELECT tag, value FROM tag_values"))
    expected: dict[str, dict[Any, tuple[int, ...]]] = {table: {} for table in ROLLUPS}
    found: list[str] = []
    for page in _pages(reader.db):
        deltas = Deltas()
        for row in page:
            day = day_of(row["start_us"], reader.zone)
            if day != row["day"]:
                found.append(f"call {row['id']}: day {row['day']}, should be {day_name(day)}")
            tags = tags_of(row["tags"])
            counted = {k: v if (k, v) in held else OTHER_VALUE for k, v in tags.items()}
            deltas.add({**row, "day": day}, counted)
        _merge(expected, deltas)
    return expected, found[:_SHOWN]


def _merge(expected: dict[str, dict[Any, tuple[int, ...]]], deltas: Deltas) -> None:
    for table, added in deltas.tables().items():
        rows = expected[table]
        for key, sums in added.items():
            old = rows.get(key)
            span: tuple[int, ...] = deltas.spans[table][key] if table in SPANNED else ()
            if old is not None:
                sums = carried(add(old[: len(MEASURES)], sums))
                if span:
                    first, last = old[len(MEASURES) :]
                    span = (min(first, span[0]), max(last, span[1]))
            rows[key] = (*sums, *span)


def _scope_faults(reader: Reader) -> list[str]:
    return [
        f"scope {scope}: hours say {hours} pico-USD, calls say {amount}"
        for scope, hours, amount in kept_scopes(reader)
        if hours != amount
    ]
