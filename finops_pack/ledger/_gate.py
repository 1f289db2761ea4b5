"""The gate's money: reservations beside what is booked, all inside one transaction."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from finops_pack.ledger import Reservation
from finops_pack.ledger._db import Db, insert, one, run_in, select_in
from finops_pack.ledger._reader import Reader
from finops_pack.ledger._scope import HOUR_US, scope_of, where_of
from finops_pack.ledger._sums import add_hours
from finops_pack.ledger._where import rollup_for
from finops_pack.ledger.rollup import day_of, day_start
from finops_pack.model import Where
from finops_pack.money import PICO, PICO_MAX

KEEP_US = 92 * 86_400_000_000
"""How long an expired reservation counts: longer than any budget's window."""
_FINE_US = 2 * 86_400_000_000
_BOOKED = 2  # `settled` of what is booked, but not counted in the books of this scope
_LOST = f"CASE WHEN settled = {_BOOKED} OR settled = 0 AND expires_us <= ? THEN pico ELSE 0 END"
_SETTLED = "CASE WHEN settled = 1 THEN pico ELSE 0 END"
_HELD = (
    "SELECT "
    + ", ".join(
        f"CAST(COALESCE(SUM({part}), 0) AS BIGINT)"
        for amount in ("pico", f"({_LOST})", f"({_SETTLED})")
        for part in (f"{amount} / 1000000", f"{amount} % 1000000")
    )
    + " FROM reservations WHERE scope = ? AND made_us >= ? AND made_us < ?"
)
_EVER = 2**62
_COLUMNS = ("scope", "call_id", "pico", "made_us", "expires_us", "settled")


def reserve(
    reader: Reader,
    wanted: Reservation,
    limits: Mapping[str, tuple[Where, int]],
    ended: Mapping[str, int | None],
) -> dict[str, tuple[int, int]]:
    """Set money aside; else the budgets that would break, as (spent, in flight) pico-USD.

    `ended` are calls that have ended meanwhile, with what they cost.
    """
    for call_id, pico in ended.items():
        settle(reader.db, call_id, pico)
    broken: dict[str, tuple[int, int]] = {}
    for budget, (where, limit) in limits.items():
        _watch(reader, where, wanted.made_us)
        booked, held, settled = _spend(reader, where, wanted.made_us)
        if booked + held + wanted.pico > limit:
            broken[budget] = (booked + settled, held - settled)
    if not broken:
        _store(reader.db, wanted, limits)
    return broken


def _store(db: Db, wanted: Reservation, limits: Mapping[str, tuple[Where, int]]) -> None:
    pico = min(max(wanted.pico, 0), PICO_MAX)
    scopes = sorted({scope_of(where) for where, _ in limits.values()})
    insert(
        db,
        "reservations",
        _COLUMNS,
        [(s, wanted.call_id, pico, wanted.made_us, wanted.expires_us, 0) for s in scopes],
        "ON CONFLICT (scope, call_id) DO UPDATE SET pico = excluded.pico, settled = 0,"
        " made_us = excluded.made_us, expires_us = excluded.expires_us",
    )


def settle(db: Db, call_id: str, pico: int | None) -> None:
    """The true cost of a reserved call that is not booked yet; None releases it."""
    if pico is None:
        db.run("DELETE FROM reservations WHERE call_id = ?", (call_id,))
        return
    db.run(
        f"UPDATE reservations SET pico = ?, settled = 1 WHERE call_id = ? AND settled < {_BOOKED}",
        (min(max(pico, 0), PICO_MAX), call_id),
    )


def hold(db: Db, row: Mapping[str, Any], tasks: Sequence[str]) -> None:
    """Let the tasks around a call that was not reserved have it; `release` makes it its cost."""
    now = time.time_ns() // 1000
    rows = [(scope_of(Where(task=task)), row["id"], 0, row["start_us"], now, 0) for task in tasks]
    insert(db, "reservations", _COLUMNS, rows, "ON CONFLICT DO NOTHING")


def release(db: Db, rows: Sequence[Mapping[str, Any]]) -> None:
    """Drop the reservations of calls that now stand in the books, and those long expired."""
    if rows and one(db, "SELECT 1 FROM reservations LIMIT 1"):
        calls = {row["id"]: row for row in rows}
        kept = list(_not_in_the_books(db, calls))
        run_in(db, "DELETE FROM reservations", "call_id", list(calls))
        insert(db, "reservations", _COLUMNS, kept)
        over = time.time_ns() // 1000 - KEEP_US
        db.run("DELETE FROM reservations WHERE expires_us < ?", (over,))


def _not_in_the_books(
    db: Db, calls: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str, int, int, int, int]]:
    """What the books do not count: a call without a price, as much as was set aside for it;
    and for a task the calls of tasks inside it."""
    keys = [(call_id,) for call_id in calls]
    for scope, call_id, held, made_us, expires_us, _ in select_in(
        db, ", ".join(_COLUMNS), "reservations", ("call_id",), keys
    ):
        row = calls[call_id]
        billed = row.get("billed_pico")
        pico = row.get("cost_pico") if billed is None else billed
        where = where_of(scope)
        inside = any(
            getattr(where, name) not in (None, row.get(name)) for name in ("task", "session")
        )
        if inside or (pico is None and held):
            yield scope, call_id, held if pico is None else pico, made_us, expires_us, _BOOKED


def spend(reader: Reader, where: Where, now_us: int) -> tuple[int, int]:
    """(booked or expired, open or settled but not booked yet) pico-USD in what `where` covers.

    A reservation that expired without a word counts as spent: the provider may have billed it.
    """
    booked, held, _ = _spend(reader, where, now_us)
    return booked, held


def _spend(reader: Reader, where: Where, now_us: int) -> tuple[int, int, int]:
    """`spend`, and what of its second part is settled."""
    since, until = where.since_us or 0, where.until_us or _EVER
    found = reader.db.all(_HELD, (now_us, now_us, scope_of(where), since, until))[0]
    held, lost, settled = (found[at] * 10**6 + found[at + 1] for at in (0, 2, 4))
    return _booked(reader, where) + lost, held - lost, settled


def _booked(reader: Reader, where: Where) -> int:
    where = where_of(scope_of(where), where.since_us, where.until_us)  # by names as booked
    kept = one(reader.db, "SELECT from_us, fine_us FROM scopes WHERE scope = ?", (scope_of(where),))
    since = where.since_us or 0
    edge = -(-since // HOUR_US) * HOUR_US
    if kept is None or where.until_us is not None or since < kept[0]:
        return reader.amount(where)
    if since >= kept[1]:
        part = replace(where, until_us=edge)
        return (reader.amount(part) if since < edge else 0) + _hours(reader.db, where, edge)
    if since == edge and (since == 0 or since == _day_start(reader, since)):
        return _hours(reader.db, where, since)
    return reader.amount(where)


def kept_scopes(reader: Reader) -> Iterator[tuple[str, int, int]]:
    """(scope, pico-USD that its hours say, pico-USD that the calls say) of every scope."""
    for scope, from_us in reader.db.all("SELECT scope, from_us FROM scopes ORDER BY scope"):
        where = where_of(scope, from_us or None)
        yield scope, _hours(reader.db, where, from_us), reader.amount(where)


def _day_start(reader: Reader, moment_us: int) -> int:
    return day_start(day_of(moment_us, reader.zone), reader.zone)


def _hours(db: Db, where: Where, from_us: int) -> int:
    rows = db.all(
        "SELECT CAST(COALESCE(SUM(usd_whole), 0) AS BIGINT),"
        " CAST(COALESCE(SUM(usd_rest), 0) AS BIGINT)"
        " FROM scope_hours WHERE scope = ? AND hour >= ?",
        (scope_of(where), from_us // HOUR_US),
    )
    return int(rows[0][0] * PICO + rows[0][1])


def _watch(reader: Reader, where: Where, now_us: int) -> None:
    """Keep hours of spend for this scope from now on, filled back to where its window begins.

    Days that are long over are filled in whole from the rollup, at their first hour: only the
    windows of days, weeks and months reach back so far, and they begin with a day.
    """
    if where.task is not None or where.session is not None:
        return  # these have a running row of their own
    scope, since = scope_of(where), where.since_us or 0
    kept = one(reader.db, "SELECT from_us FROM scopes WHERE scope = ?", (scope,))
    if kept is not None and kept[0] <= since:
        return
    since = since // HOUR_US * HOUR_US
    fine = max(since, _day_start(reader, now_us - _FINE_US))
    if rollup_for(("day",), where) is None:
        fine = since
    reader.db.run("DELETE FROM scope_hours WHERE scope = ?", (scope,))
    reader.db.run(_KEEP_SCOPE, (scope, since, fine))
    hours = {(scope, hour): pico for hour, pico in reader.hours(where, fine)}
    for day, pico in reader.day_amounts(replace(where, since_us=since or None, until_us=fine)):
        key = scope, max(day_start(day, reader.zone), since) // HOUR_US
        hours[key] = hours.get(key, 0) + pico  # of two days, where one begins within an hour
    add_hours(reader.db, hours)


_KEEP_SCOPE = (
    "INSERT INTO scopes (scope, from_us, fine_us) VALUES (?, ?, ?) ON CONFLICT (scope)"
    " DO UPDATE SET from_us = excluded.from_us, fine_us = excluded.fine_us"
)
