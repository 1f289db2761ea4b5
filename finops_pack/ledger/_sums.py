"""Rollups in the database: what a batch of calls adds to them, and making them anew."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from finops_pack.ledger._db import Db, insert, one, select_in
from finops_pack.ledger._scope import HOUR_US, covers, where_of
from finops_pack.ledger.rollup import (
    AMOUNTS,
    MEASURES,
    OTHER_VALUE,
    ROLLUPS,
    SPANNED,
    TAG_VALUES,
    Deltas,
    Row,
)
from finops_pack.money import PICO


class Sums:
    """Collects what calls add and writes it with one statement a rollup."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self._rows: list[tuple[Row, int]] = []
        self._moved = False

    def add(self, row: Row, sign: int = 1) -> None:
        """Count a row with every column and its `day` in (1) or out (-1)."""
        self._rows.append((row, sign))
        self._moved = self._moved or sign < 0

    def write(self) -> None:
        """Bring every rollup up to date."""
        if not self._rows:
            return
        tags = [tags_of(row["tags"]) for row, _ in self._rows]
        self._write_scopes(tags)
        counted = known_tags(self._db, tags)
        deltas = Deltas()
        for (row, sign), values in zip(self._rows, counted, strict=True):
            deltas.add(row, values, sign=sign)
        tables = deltas.tables()
        for table, rows in tables.items():
            add_to(self._db, table, rows, deltas.spans.get(table))
        if self._moved:
            self._tidy(tables)

    def _tidy(self, tables: Mapping[str, Iterable[tuple[Any, ...]]]) -> None:
        """Drop rows that nothing is left in; first and last start cannot go by difference."""
        for table, key in ROLLUPS.items():
            place = " AND ".join(f"{name} = ?" for name in key)
            for values in sorted(tables[table]):
                self._db.run(f"DELETE FROM {table} WHERE {place} AND calls = 0", values)
                if table in SPANNED:
                    self._db.run(_RESPAN[table], (*values, *values, *values))

    def _write_scopes(self, tags: Sequence[Mapping[str, str]]) -> None:
        hours: dict[tuple[str, int], int] = {}
        for scope, from_us in self._db.all("SELECT scope, from_us FROM scopes"):
            where = where_of(scope)
            for (row, sign), tagged in zip(self._rows, tags, strict=True):
                if row["start_us"] >= from_us and covers(where, row, tagged):
                    key = (scope, row["start_us"] // HOUR_US)
                    hours[key] = hours.get(key, 0) + sign * amount_of(row)
        add_hours(self._db, hours)


def amount_of(row: Row) -> int:
    """What a row counts as spent, pico-USD."""
    billed = row["billed_pico"]
    return int(billed if billed is not None else row["cost_pico"] or 0)


@lru_cache(maxsize=4096)
def tags_of(text: str | None) -> Mapping[str, str]:
    """The tags of a row, from their JSON."""
    tags = json.loads(text) if text else {}
    return {str(k): str(v) for k, v in tags.items()} if isinstance(tags, dict) else {}


def known_tags(db: Db, tagged: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """The tags as they count: values over the cap of their key become `(other)`."""
    wanted = list({pair: None for tags in tagged for pair in tags.items()})
    if not wanted:
        return [{}] * len(tagged)
    held = set(select_in(db, "tag, value", "tag_values", ("tag", "value"), wanted))
    new = [pair for pair in wanted if pair not in held]
    held.update(_admit(db, new))
    return [
        {key: value if (key, value) in held else OTHER_VALUE for key, value in tags.items()}
        for tags in tagged
    ]


def _admit(db: Db, new: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    admitted: list[tuple[str, str]] = []
    room: dict[str, int] = {}
    for tag, value in new:
        if tag not in room:
            found = one(db, "SELECT COUNT(*) FROM tag_values WHERE tag = ?", (tag,))
            room[tag] = TAG_VALUES - (found[0] if found else 0)
        if room[tag] > 0:
            room[tag] -= 1
            admitted.append((tag, value))
    insert(db, "tag_values", ("tag", "value"), admitted)
    return admitted


def _sum_up(table: str) -> str:
    """`SET` clauses that add the new row to the one that stands, remainders carried."""
    carried = {name for pair in AMOUNTS for name in pair}
    sets = [f"{m} = {table}.{m} + excluded.{m}" for m in MEASURES if m not in carried]
    for whole, rest in AMOUNTS:
        both = f"({table}.{rest} + excluded.{rest})"
        sets.append(f"{whole} = {table}.{whole} + excluded.{whole} + {both} / {PICO}")
        sets.append(f"{rest} = {both} % {PICO}")
    return ", ".join(sets)


def _span_up(table: str) -> str:
    def pick(name: str, sign: str) -> str:
        mine, new = f"{table}.{name}", f"excluded.{name}"
        return f"{name} = CASE WHEN {new} {sign} {mine} THEN {new} ELSE {mine} END"

    return f", {pick('first_us', '<')}, {pick('last_us', '>')}" if table in SPANNED else ""


_UPSERT = {
    table: f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {_sum_up(table)}{_span_up(table)}"
    for table, key in ROLLUPS.items()
}


def _respan(table: str) -> str:
    key = table.removeprefix("by_")
    same = f"{key} = ? AND COALESCE(project, '') = ? AND billing_mode = ?"
    first = f"SELECT MIN(start_us) FROM calls WHERE {same}"
    last = f"SELECT MAX(start_us) FROM calls WHERE {same}"
    return (
        f"UPDATE {table} SET first_us = ({first}), last_us = ({last})"
        f" WHERE {key} = ? AND project = ? AND billing_mode = ?"
    )


_RESPAN = {table: _respan(table) for table in SPANNED}


def add_to(
    db: Db,
    table: str,
    rows: Mapping[tuple[Any, ...], tuple[int, ...]],
    spans: Mapping[tuple[Any, ...], tuple[int, int]] | None,
) -> None:
    """Add a batch's rows to one rollup, in the order of their keys: so no two writers deadlock."""
    keys = sorted(key for key, sums in rows.items() if any(sums))
    columns = (*ROLLUPS[table], *MEASURES)
    if spans is None:
        insert(db, table, columns, [key + rows[key] for key in keys], _UPSERT[table])
        return
    spanned = [key + rows[key] + spans.get(key, (_NEVER, 0)) for key in keys]
    insert(db, table, (*columns, "first_us", "last_us"), spanned, _UPSERT[table])


_NEVER = 2**62  # no call was added: the first and last of what stands remain


def add_hours(db: Db, hours: Mapping[tuple[str, int], int]) -> None:
    """Add pico-USD to hours of scopes."""
    rows = [(*key, *divmod(pico, PICO)) for key, pico in sorted(hours.items()) if pico]
    both = "(scope_hours.usd_rest + excluded.usd_rest)"
    insert(
        db,
        "scope_hours",
        ("scope", "hour", "usd_whole", "usd_rest"),
        rows,
        "ON CONFLICT (scope, hour) DO UPDATE SET usd_rest = " + f"{both} % {PICO},"
        f" usd_whole = scope_hours.usd_whole + excluded.usd_whole + {both} / {PICO}",
    )
