"""The tables of a ledger, derived from the model; every column of `calls` is a field of `Call`."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from finops_pack.ledger.rollup import MEASURES, ROLLUPS, SPANNED
from finops_pack.model import Call, Segment


def _kind(annotation: str, factory: Any, default: Any) -> str:
    if factory is not MISSING or default == ():
        return "json"
    return "int" if annotation.startswith("int") else "text"


KINDS: dict[str, str] = {
    f.name: _kind(str(f.type), f.default_factory, f.default) for f in fields(Call)
}
"""`int`, `text` or `json` (an encoded list or object, NULL when empty) by column of `calls`."""

COLUMNS = tuple(KINDS)
SEGMENT_COLUMNS = tuple(f.name for f in fields(Segment))
TASK_COLUMNS = (
    "id", "start_us", "end_us", "parent", "project", "session", "trigger", "trigger_basis",
    "outcome", "budget",
)  # fmt: skip


def _default(name: str) -> Any:
    default = next(f.default for f in fields(Call) if f.name == name)
    return None if default is MISSING or KINDS[name] == "json" else default


DEFAULTS: dict[str, Any] = {name: _default(name) for name in COLUMNS}


def column(name: str, integer: str) -> str:
    """The definition of one column of `calls`; `integer` is the dialect's 64-bit type."""
    definition = f'"{name}" {integer if KINDS[name] == "int" else "TEXT"}'
    default = DEFAULTS[name]
    if default is not None:
        literal = str(default) if isinstance(default, int) else f"'{default}'"
        return f"{definition} NOT NULL DEFAULT {literal}"
    return definition if name not in ("id", "start_us") else f"{definition} NOT NULL"


def _rollup(table: str, integer: str, suffix: str) -> str:
    key = ROLLUPS[table]
    columns = [f"{c} {integer if c == 'day' else 'TEXT'} NOT NULL" for c in key]
    spans = ("first_us", "last_us") if table in SPANNED else ()
    columns += [f"{name} {integer} NOT NULL" for name in (*MEASURES, *spans)]
    return f"CREATE TABLE {table} ({', '.join(columns)}, PRIMARY KEY ({', '.join(key)})){suffix}"


def tables(integer: str, serial: str, suffix: str) -> list[str]:
    """Statements that make an empty ledger; `suffix` ends tables that are their own index."""
    calls = ", ".join(column(name, integer) for name in COLUMNS)
    return [
        f"CREATE TABLE calls (seq {serial}, day {integer} NOT NULL, {calls})",
        "CREATE UNIQUE INDEX calls_identity ON calls (source, id)",
        "CREATE INDEX calls_response ON calls (provider, response_id)"
        " WHERE response_id IS NOT NULL",
        "CREATE INDEX calls_start ON calls (start_us)",
        "CREATE INDEX calls_task ON calls (task, start_us) WHERE task IS NOT NULL",
        "CREATE INDEX calls_session ON calls (session, start_us) WHERE session IS NOT NULL",
        *(_rollup(table, integer, suffix) for table in ROLLUPS),
        *(f"CREATE INDEX {table}_last ON {table} (last_us)" for table in SPANNED),
        f"CREATE TABLE tasks (id TEXT PRIMARY KEY, start_us {integer}, end_us {integer},"
        " parent TEXT, project TEXT, session TEXT, trigger TEXT, trigger_basis TEXT,"
        f" outcome TEXT, budget TEXT){suffix}",
        "CREATE INDEX tasks_start ON tasks (start_us)",
        "CREATE TABLE segments (session TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL,"
        f" tokens {integer} NOT NULL, first_call TEXT NOT NULL, last_call TEXT NOT NULL,"
        f" calls_held {integer} NOT NULL, p_unused DOUBLE PRECISION, source TEXT, task TEXT,"
        f" PRIMARY KEY (session, id)){suffix}",
        "CREATE TABLE documents (kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,"
        f" PRIMARY KEY (kind, key)){suffix}",
        f"CREATE TABLE spools (name TEXT PRIMARY KEY, position {integer} NOT NULL){suffix}",
        f"CREATE TABLE aliases (source TEXT NOT NULL, id TEXT NOT NULL, seq {integer} NOT NULL,"
        f" PRIMARY KEY (source, id)){suffix}",
        f"CREATE TABLE late (n {serial}, source TEXT NOT NULL, id TEXT NOT NULL,"
        " body TEXT NOT NULL)",
        "CREATE INDEX late_identity ON late (source, id)",
        f"CREATE TABLE tag_values (tag TEXT NOT NULL, value TEXT NOT NULL,"
        f" PRIMARY KEY (tag, value)){suffix}",
        f"CREATE TABLE scopes (scope TEXT PRIMARY KEY, from_us {integer} NOT NULL,"
        f" fine_us {integer} NOT NULL){suffix}",
        f"CREATE TABLE scope_hours (scope TEXT NOT NULL, hour {integer} NOT NULL,"
        f" usd_whole {integer} NOT NULL, usd_rest {integer} NOT NULL,"
        f" PRIMARY KEY (scope, hour)){suffix}",
        f"CREATE TABLE reservations (scope TEXT NOT NULL, call_id TEXT NOT NULL,"
        f" pico {integer} NOT NULL, made_us {integer} NOT NULL, expires_us {integer} NOT NULL,"
        f" settled {integer} NOT NULL, PRIMARY KEY (scope, call_id)){suffix}",
        "CREATE INDEX reservations_call ON reservations (call_id)",
    ]
