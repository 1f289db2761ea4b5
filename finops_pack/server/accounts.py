"""Accounts, sessions and keys. Every question about a key or an alert names its account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal

from finops_pack.errors import InputError
from finops_pack.money import plain
from finops_pack.server import clock, crypto
from finops_pack.server.stores import Database, Row

Scope = Literal["read", "write"]
PAGE_SESSION = timedelta(hours=8)
API_SESSION = timedelta(hours=1)  # long enough to register keys
DEFAULT_THRESHOLD_PCT = 80
MINIMUM_PASSWORD = 8
MAXIMUM_PASSWORD = 1024  # what a sign-in takes
MAXIMUM_NAME = 200  # what the settings take
_USE_NOTED = timedelta(minutes=1)  # a key's last use is kept to the minute


@dataclass(frozen=True, slots=True)
class Account:
    """Who reports here. `monthly_budget` is USD."""

    id: str
    email: str
    company_name: str
    monthly_budget: Decimal | None
    alert_threshold_pct: int


@dataclass(frozen=True, slots=True)
class Caller:
    """An account as it is addressed by one of its keys or sessions."""

    account: Account
    scope: Scope
    credential: str  # the key's id, or the session's fingerprint
    unnoted: bool = False  # this use of a key is to be noted


def create(db: Database, email: str, password: str, company: str = "") -> Account:
    """A new account; raises `InputError` when the address is taken or the input unusable."""
    email = _address(email)
    if len(password) < MINIMUM_PASSWORD:
        raise InputError(f"the password needs at least {MINIMUM_PASSWORD} characters")
    if len(password) > MAXIMUM_PASSWORD:
        raise InputError(f"the password has more than {MAXIMUM_PASSWORD:,} characters")
    if len(company) > MAXIMUM_NAME or not crypto.storable(company):
        raise InputError(f"the company's name must be text of at most {MAXIMUM_NAME} characters")
    row = (
        crypto.new_id("cust"),
        email,
        crypto.hash_password(password),
        company or email,
        DEFAULT_THRESHOLD_PCT,
        clock.stamp(),
    )
    with db.write() as t:
        made = t.run(
            "INSERT INTO account (id, email, password, company_name, alert_threshold_pct,"
            " created_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (email) DO NOTHING RETURNING *",
            row,
        )
    if not made:
        raise InputError(f"an account for {email} exists already")
    return _account(made[0])


def _address(email: str) -> str:
    email = email.strip().lower()
    name, at, host = email.rpartition("@")
    if not (name and at and host) or len(email) > 254 or not email.isprintable():
        raise InputError(f"{email!r} is not an e-mail address")
    return email


def _account(row: Row) -> Account:
    budget = row["monthly_budget"]
    return Account(
        row["id"],
        row["email"],
        row["company_name"],
        None if budget is None else Decimal(budget),
        row["alert_threshold_pct"],
    )


def by_password(db: Database, email: str, password: str) -> Account | None:
    """The account of a right password; as slow when there is no such account."""
    key = email.strip().lower()
    rows = db.read("SELECT * FROM account WHERE email = ?", (key,)) if crypto.storable(key) else []
    stored = rows[0]["password"] if rows else None
    return _account(rows[0]) if crypto.verify_password(password, stored) else None


def by_id(db: Database, account_id: str) -> Account:
    """The account as it is now."""
    return _account(db.read("SELECT * FROM account WHERE id = ?", (account_id,))[0])


def open_session(db: Database, account: Account, lasts: timedelta = API_SESSION) -> tuple[str, str]:
    """(token, expires_at); sessions that are over are swept away."""
    token, ends = crypto.new_session(), clock.stamp(after=lasts)
    with db.write() as t:
        t.run("DELETE FROM session WHERE expires_at < ?", (clock.stamp(),))
        t.run(
            "INSERT INTO session (token_hash, account_id, expires_at) VALUES (?, ?, ?)",
            (crypto.fingerprint(token), account.id, ends),
        )
    return token, ends


def by_session(db: Database, token: str) -> Caller | None:
    """Who holds this session's token, None when it is unknown or over."""
    digest = crypto.fingerprint(token)
    rows = db.read(
        "SELECT account.*, token_hash FROM session JOIN account ON account.id = account_id"
        " WHERE token_hash = ? AND expires_at >= ?",
        (digest, clock.stamp()),
    )
    if not rows or not crypto.same(rows[0]["token_hash"], digest):
        return None
    return Caller(_account(rows[0]), "write", digest)


def close_session(db: Database, token: str) -> None:
    """End a session."""
    with db.write() as t:
        t.run("DELETE FROM session WHERE token_hash = ?", (crypto.fingerprint(token),))


def register_key(
    db: Database, account_id: str, name: str, scope: Scope, key_id: str = ""
) -> tuple[str, str]:
    """(key, key_id) of a new key; this is the only time that the key is known.

    No key, where one of that id is registered already.
    """
    key, key_id = crypto.new_key(), key_id or crypto.new_id("key")
    with db.write() as t:
        made = t.run(
            "INSERT INTO api_key (id, account_id, key_hash, name, scope, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING RETURNING id",
            (key_id, account_id, crypto.fingerprint(key), name, scope, clock.stamp()),
        )
    return (key if made else ""), key_id


def by_key(db: Database, key: str) -> Caller | None:
    """Who holds this key, None when it is malformed, unknown or revoked."""
    digest = crypto.fingerprint(key)
    rows = db.read(
        "SELECT account.*, api_key.id AS key_id, key_hash, scope, last_used_at"
        " FROM api_key JOIN account ON account.id = account_id WHERE key_hash = ?",
        (digest,),
    )
    if not rows or not crypto.same(rows[0]["key_hash"], digest):
        return None
    row, minute_ago = rows[0], clock.stamp(after=-_USE_NOTED)
    unnoted = row["last_used_at"] is None or row["last_used_at"] <= minute_ago
    return Caller(_account(row), row["scope"], row["key_id"], unnoted)


def note_use(db: Database, key_id: str) -> None:
    """A key was used now."""
    with db.write() as t:
        t.run("UPDATE api_key SET last_used_at = ? WHERE id = ?", (clock.stamp(), key_id))


def keys(db: Database, account_id: str) -> list[dict[str, Any]]:
    """The account's keys, oldest first, without what could be used."""
    return db.read(
        "SELECT id AS key_id, name, scope, created_at, last_used_at FROM api_key"
        " WHERE account_id = ? ORDER BY created_at, id",
        (account_id,),
    )


def revoke_key(db: Database, account_id: str, key_id: str) -> bool:
    """End a key at once; False when the account has no such key."""
    if not crypto.storable(key_id):
        return False
    with db.write() as t:
        gone = t.run(
            "DELETE FROM api_key WHERE account_id = ? AND id = ? RETURNING id",
            (account_id, key_id),
        )
    return bool(gone)


def set_budget(
    db: Database, account_id: str, monthly: Decimal | None, threshold_pct: int, company: str
) -> Account:
    """The account with its new budget (USD a month; None for none)."""
    with db.write() as t:
        rows = t.run(
            "UPDATE account SET monthly_budget = ?, alert_threshold_pct = ?, company_name = ?"
            " WHERE id = ? RETURNING *",
            (None if monthly is None else plain(monthly), threshold_pct, company, account_id),
        )
    return _account(rows[0])
