"""The tables, as steps forward: a store remembers how many it has taken.

The same SQL serves both stores. Amounts are decimal strings, times ISO-8601 UTC; a report's
body is its exact JSON text.
"""

from __future__ import annotations

from finops_pack.errors import ConfigError
from finops_pack.server.stores import Transaction

STEPS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE account (
            id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, password TEXT NOT NULL,
            company_name TEXT NOT NULL, monthly_budget TEXT,
            alert_threshold_pct INTEGER NOT NULL, created_at TEXT NOT NULL)""",
        """CREATE TABLE session (
            token_hash TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES account (id),
            expires_at TEXT NOT NULL)""",
        """CREATE TABLE api_key (
            id TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES account (id),
            key_hash TEXT NOT NULL UNIQUE, name TEXT NOT NULL, scope TEXT NOT NULL,
            created_at TEXT NOT NULL, last_used_at TEXT)""",
        "CREATE INDEX api_key_account ON api_key (account_id)",
        """CREATE TABLE report (
            account_id TEXT NOT NULL REFERENCES account (id), date TEXT NOT NULL,
            reporter TEXT NOT NULL, period TEXT NOT NULL, report_id TEXT NOT NULL UNIQUE,
            content_hash TEXT NOT NULL, scored BOOLEAN NOT NULL, body TEXT NOT NULL,
            received_at TEXT NOT NULL,
            PRIMARY KEY (account_id, date, reporter, period))""",
        """CREATE TABLE alert (
            account_id TEXT NOT NULL REFERENCES account (id), cause TEXT NOT NULL,
            id TEXT NOT NULL UNIQUE, created_at TEXT NOT NULL, closed_at TEXT,
            PRIMARY KEY (account_id, cause))""",
        """CREATE TABLE failure (
            bucket TEXT PRIMARY KEY, count INTEGER NOT NULL, since TEXT NOT NULL)""",
    ),
)


def migrate(transaction: Transaction) -> None:
    """Take the steps this store has not taken; refuse one that is ahead of this program."""
    transaction.run("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
    rows = transaction.run("SELECT version FROM schema_version")
    taken = rows[0]["version"] if rows else 0
    if taken > len(STEPS):
        raise ConfigError(
            f"the server's database is of version {taken}, this program knows {len(STEPS)}",
            mend="install the newer finops-agent-pack",
        )
    for statement in (statement for step in STEPS[taken:] for statement in step):
        transaction.run(statement)
    if not rows:
        transaction.run("INSERT INTO schema_version (version) VALUES (?)", (len(STEPS),))
    elif taken < len(STEPS):
        transaction.run("UPDATE schema_version SET version = ?", (len(STEPS),))
