"""Lines that are no calls: tasks, segments of context, events kept as documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from finops_pack.ledger import Line, documents
from finops_pack.ledger._db import NEWEST_DOCUMENT, Db, insert
from finops_pack.ledger._json import compact
from finops_pack.ledger._names import MAX_TEXT
from finops_pack.ledger._rows import LAST_US
from finops_pack.ledger._schema import SEGMENT_COLUMNS, TASK_COLUMNS
from finops_pack.model import MAX_COUNT

_TIMES = ("start_us", "end_us")
_COUNTS = ("tokens", "calls_held")


def _keep(name: str, new: str, old: str) -> str:
    return f"{name} = COALESCE({new}.{name}, {old}.{name})"


_EARLIER = (
    "start_us = CASE WHEN excluded.start_us < tasks.start_us OR tasks.start_us IS NULL"
    " THEN excluded.start_us ELSE tasks.start_us END"
)
_FROM_CALLS = ("id", "start_us", "project", "session", "trigger")
_NAMES = [name for name in TASK_COLUMNS if name not in ("id", "start_us")]
_STATED = ", ".join([_EARLIER, *(_keep(name, "excluded", "tasks") for name in _NAMES)])
_DERIVED = ", ".join([_EARLIER, *(_keep(n, "tasks", "excluded") for n in _FROM_CALLS[2:])])
_NEWEST_SEGMENT = "ON CONFLICT (session, id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in SEGMENT_COLUMNS if name not in ("session", "id")
)


class Facts:
    """What a batch says beside its calls."""

    def __init__(self) -> None:
        self._tasks: list[dict[str, Any]] = []
        self._derived: dict[str, dict[str, Any]] = {}
        self._segments: dict[tuple[str, str], tuple[Any, ...]] = {}
        self._documents: dict[tuple[str, str], str] = {}

    def add(self, kind: Any, line: Line) -> None:
        """Take one line; raises `ValueError` when it cannot be kept."""
        if kind == "task":
            self._tasks.append(_task(line))
        elif kind == "segment":
            row = _segment(line)
            self._segments[row[0], row[1]] = row
        elif kind == "event":
            body = {name: value for name, value in line.items() if name != "type"}
            named = str(line["kind"]), str(line["key"])
            if wrong := documents.fault(*named, body):
                raise ValueError(wrong)
            self._documents[named] = compact(body)
        else:
            raise ValueError(f"type: unknown kind of line: {kind!r}")

    def tasks_of(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Tasks as far as their calls tell of them."""
        for row in rows:
            task = row.get("task")
            if not task:
                continue
            held = self._derived.get(task)
            if held is None:
                self._derived[task] = {"id": task, **{n: row.get(n) for n in _FROM_CALLS[1:]}}
                continue
            if row["start_us"] < held["start_us"]:
                held["start_us"] = row["start_us"]
            for name in _FROM_CALLS[2:]:
                if held[name] is None:
                    held[name] = row.get(name)

    def write(self, db: Db) -> None:
        """Store everything that was taken."""
        rows = [[task.get(name) for name in _FROM_CALLS] for task in self._derived.values()]
        insert(db, "tasks", _FROM_CALLS, rows, f"ON CONFLICT (id) DO UPDATE SET {_DERIVED}")
        for task in self._tasks:
            insert(
                db, "tasks", TASK_COLUMNS, [[task.get(name) for name in TASK_COLUMNS]],
                f"ON CONFLICT (id) DO UPDATE SET {_STATED}",
            )  # fmt: skip
        insert(db, "segments", SEGMENT_COLUMNS, self._segments.values(), _NEWEST_SEGMENT)
        rows = [[*key, body] for key, body in self._documents.items()]
        insert(db, "documents", ("kind", "key", "body"), rows, NEWEST_DOCUMENT)


def _task(line: Line) -> dict[str, Any]:
    task = {name: line[name] for name in TASK_COLUMNS if line.get(name) is not None}
    if not task.get("id"):
        raise ValueError("id: missing")
    for name, value in task.items():
        if name in _TIMES:
            _whole(name, value, LAST_US)
        else:
            task[name] = str(value)[:MAX_TEXT]
    return task


def _segment(line: Line) -> tuple[Any, ...]:
    row = {name: line.get(name) for name in SEGMENT_COLUMNS}
    row["calls_held"] = 1 if row["calls_held"] is None else row["calls_held"]
    for name in _COUNTS:
        _whole(name, row[name], MAX_COUNT)
    unused = row["p_unused"]
    row["p_unused"] = None if unused is None else float(unused)
    for name in ("session", "id", "kind", "first_call", "last_call"):
        if row[name] is None:
            raise ValueError(f"{name}: missing")
    for name in SEGMENT_COLUMNS:
        if name not in (*_COUNTS, "p_unused") and row[name] is not None:
            row[name] = str(row[name])[:MAX_TEXT]
    return tuple(row.values())


def _whole(name: str, value: Any, limit: int) -> None:
    if type(value) is not int or not 0 <= value <= limit:
        raise ValueError(f"{name}: not a whole number up to {limit}: {str(value)[:60]}")
