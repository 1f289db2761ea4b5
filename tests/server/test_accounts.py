"""Accounts, and how little of a secret is kept."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from finops_pack.errors import InputError
from finops_pack.server import accounts, crypto
from tests.server.conftest import PASSWORD


def test_an_address_has_one_account(db):
    accounts.create(db, "Me@Acme.test", PASSWORD)
    with pytest.raises(InputError, match="exists already"):
        accounts.create(db, " me@acme.TEST", PASSWORD)


@pytest.mark.parametrize(
    "email", ["", "me", "@acme.test", "me@", "a\0@b.test", "x" * 250 + "@b.test"]
)
def test_what_is_no_address_is_refused(db, email):
    with pytest.raises(InputError):
        accounts.create(db, email, PASSWORD)


def test_a_short_password_is_refused(db):
    with pytest.raises(InputError, match="8 characters"):
        accounts.create(db, "me@acme.test", "1234567")


def test_what_no_page_would_take_again_is_refused(db):
    with pytest.raises(InputError, match="1,024 characters"):
        accounts.create(db, "me@acme.test", "p" * 1025)
    for company in ("c" * 201, "a\0b"):
        with pytest.raises(InputError, match="company"):
            accounts.create(db, "me@acme.test", PASSWORD, company)
    assert accounts.create(db, "me@acme.test", "p" * 1024, "c" * 200).company_name == "c" * 200


def test_no_secret_is_stored(db):
    account = accounts.create(db, "me@acme.test", PASSWORD)
    key, _ = accounts.register_key(db, account.id, "k", "write")
    token, _ = accounts.open_session(db, account)
    held = "".join(str(db.read(f"SELECT * FROM {t}")) for t in ("account", "api_key", "session"))
    for secret in (PASSWORD, key, key.removeprefix("finops_"), token):
        assert secret not in held


def test_a_guess_costs_a_thief_time_and_memory(monkeypatch):
    monkeypatch.undo()
    began = time.process_time()
    crypto.verify_password(PASSWORD, None)
    assert time.process_time() - began > 0.05
    assert 128 * 8 * crypto.COST >= 32 * 2**20


def test_the_same_password_has_two_hashes():
    one, two = crypto.hash_password(PASSWORD), crypto.hash_password(PASSWORD)
    assert one != two
    assert crypto.verify_password(PASSWORD, one)
    assert crypto.verify_password(PASSWORD, two)
    assert not crypto.verify_password(PASSWORD + " ", one)
    assert not crypto.verify_password(PASSWORD, None)


def test_sessions_that_are_over_are_swept_away(db):
    account = accounts.create(db, "me@acme.test", PASSWORD)
    accounts.open_session(db, account, -timedelta(hours=1))
    token, _ = accounts.open_session(db, account)
    assert len(db.read("SELECT * FROM session")) == 1
    assert accounts.by_session(db, token).account == account
    accounts.close_session(db, token)
    assert accounts.by_session(db, token) is None
