"""Tasks with the running totals of their calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from finops_pack.ledger._db import Db, Dialect, select_in
from finops_pack.ledger._scope import billed_as
from finops_pack.ledger._where import billing, query
from finops_pack.model import Task, Where
from finops_pack.money import PICO, from_pico

_COLUMNS = (
    "id", "start_us", "end_us", "parent", "project", "session", "trigger", "trigger_basis",
    "outcome",
)  # fmt: skip
_BY_CALLS = ("agent", "action", "model", "tag")


def tasks(db: Db, dialect: Dialect, where: Where, limit: int | None) -> list[Task]:
    """Tasks that began in the period, newest first; those whose calls are billed as asked."""
    conditions, values = _conditions(dialect, where)
    sql = f"SELECT {', '.join(_COLUMNS)} FROM tasks WHERE {' AND '.join(conditions)}"
    sql += " ORDER BY start_us DESC, id DESC"
    if limit is not None:
        sql += f" LIMIT {int(limit)}"
    rows = db.all(sql, values)
    sums = _sums(db, [row[0] for row in rows], where)
    return [_task(row, sums.get(row[0], [])) for row in rows]


def tasks_of(db: Db, ids: Sequence[str]) -> list[Task]:
    """The tasks of these ids, with the calls that somebody pays for; else those of a flat plan."""
    rows = list(select_in(db, ", ".join(_COLUMNS), "tasks", ("id",), [(i,) for i in ids]))
    sums = _sums(db, ids, Where())
    flat = _sums(db, [i for i in ids if i not in sums], Where(billing="subscription"))
    return [_task(row, sums.get(row[0]) or flat.get(row[0], [])) for row in rows]


def _conditions(dialect: Dialect, where: Where) -> tuple[list[str], list[Any]]:
    billed, values = billing(where)
    mine = "SELECT 1 FROM by_task WHERE by_task.task = tasks.id"
    conditions = [f"(EXISTS ({mine} AND {billed}) OR NOT EXISTS ({mine}))"]
    bounds = (("start_us >= ?", where.since_us), ("start_us < ?", where.until_us),
              ("id = ?", where.task), ("COALESCE(project, '') = ?", where.project),
              ("COALESCE(session, '') = ?", where.session))  # fmt: skip
    for sql, value in bounds:
        if value is not None:
            conditions.append(sql)
            values.append(value)
    if any(getattr(where, name) is not None for name in _BY_CALLS):
        made = query(dialect, "calls", (), Where(**{n: getattr(where, n) for n in _BY_CALLS}))
        both = " AND ".join(["calls.task = tasks.id", *made.conditions])
        conditions.append(f"EXISTS (SELECT 1 FROM calls WHERE {both})")
        values.extend(made.values)
    return conditions, values


def _sums(db: Db, ids: Sequence[str], where: Where) -> dict[str, list[int]]:
    wanted = "task, billing_mode, calls, unpriced_calls, usd_whole, usd_rest"
    found: dict[str, list[int]] = {}
    for task, mode, *counts in select_in(db, wanted, "by_task", ("task",), [(i,) for i in ids]):
        if not billed_as(where, mode):
            continue
        held = found.get(task, [0] * len(counts))
        found[task] = [a + b for a, b in zip(held, counts, strict=True)]
    return found


def _task(row: tuple[Any, ...], sums: Sequence[int]) -> Task:
    named = dict(zip(_COLUMNS, row, strict=True))
    named["start_us"] = named["start_us"] or 0
    named["trigger_basis"] = named["trigger_basis"] or "measured"
    if not sums:
        return Task(**named)
    calls, unpriced, whole, rest = sums
    return Task(**named, calls=calls, unpriced_calls=unpriced, usd=from_pico(whole * PICO + rest))
