"""Schema versions, forward only: a new one is one more function in `MIGRATIONS`.

Fields that `model.Call` gains need no migration: `add_columns` sees to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from finops_pack import __version__, config, forks
from finops_pack.errors import LedgerUnreachable
from finops_pack.ledger._db import Db, Dialect, insert, one
from finops_pack.ledger._say import warn
from finops_pack.ledger.rollup import ROLLUPS, known_zone

MIGRATIONS: list[Callable[[Db, Dialect], None]] = []


@MIGRATIONS.append
def first(db: Db, dialect: Dialect) -> None:
    """Every table, empty."""
    with forks.barred():
        from finops_pack.ledger._schema import tables

    for statement in tables(dialect.integer, dialect.serial, dialect.table_suffix):
        db.run(statement)


@MIGRATIONS.append
def calls_that_nobody_saw(db: Db, dialect: Dialect) -> None:
    """Rollups count the calls whose usage is unknown apart from those without a rate."""
    with forks.barred():
        from finops_pack.ledger._upkeep import remake

    for table in ROLLUPS:
        db.run(f"ALTER TABLE {table} ADD COLUMN unseen_calls {dialect.integer} NOT NULL DEFAULT 0")
    if one(db, "SELECT 1 FROM calls WHERE usage_basis = 'unknown' LIMIT 1"):
        remake(db, str(settings(db)["time_zone"]))


@MIGRATIONS.append
def amendments_that_wait_are_indexed(db: Db, dialect: Dialect) -> None:
    """Each new call looks for them: some wait for ever, since their call was lost."""
    db.run("CREATE INDEX IF NOT EXISTS late_identity ON late (source, id)")


def time_zone() -> str:
    """The zone of a new ledger: as set, else UTC."""
    zone = config.in_force().tz
    if known_zone(zone):
        return zone
    warn(f"there is no time zone {zone!r}; the ledger's days are those of UTC", "time zone")
    return "UTC"


def migrate(db: Db, dialect: Dialect, zone: str, columns_of: Callable[[Db], list[str]]) -> None:
    """Bring the schema up to date; `zone` is fixed when the ledger is made.

    `columns_of` lists the columns of `calls` as they are in the database.
    """
    db.run("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
    found = one(db, "SELECT value FROM meta WHERE key = 'schema'")
    version = int(found[0]) if found else 0
    if version > len(MIGRATIONS):
        raise LedgerUnreachable(
            f"the ledger was written by a newer finops-agent-pack (schema {version})",
            mend="upgrade: pip install --upgrade finops-agent-pack",
        )
    for migration in MIGRATIONS[version:] if version else MIGRATIONS[:1]:  # a new one is whole
        migration(db, dialect)
    if version == 0:
        insert(db, "meta", ("key", "value"), [("schema", "0"), ("time_zone", zone)])
    db.run("UPDATE meta SET value = ? WHERE key = 'schema'", (str(len(MIGRATIONS)),))
    add_columns(db, dialect, columns_of(db))
    newest = "ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    insert(db, "meta", ("key", "value"), [("version", __version__)], newest)


def add_columns(db: Db, dialect: Dialect, present: list[str]) -> None:
    """Add what `model.Call` has gained since the table was made."""
    with forks.barred():
        from finops_pack.ledger._schema import COLUMNS, column

    for name in COLUMNS:
        if name not in present:
            db.run(f"ALTER TABLE calls ADD COLUMN {column(name, dialect.integer)}")


def settled(held: Mapping[str, Any]) -> bool:
    """Whether this version of the pack has seen to the tables since they were last changed."""
    return bool(held["schema"] == len(MIGRATIONS) and held.get("version") == __version__)


def settings(db: Db) -> dict[str, Any]:
    """`schema` (a number), `version` of the pack that saw to it last, and `time_zone`."""
    held: dict[str, Any] = dict(db.all("SELECT key, value FROM meta"))
    schema = str(held.get("schema"))  # anything at all in another program's database
    return {**held, "schema": int(schema) if schema.isdecimal() else 0}
