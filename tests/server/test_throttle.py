"""Sign-in is throttled in the store; requests are limited a key; both say when to come back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from finops_pack.server import accounts, clock, throttle
from finops_pack.server.app import create_app
from finops_pack.server.throttle import Rate
from tests.server.conftest import PASSWORD


def login(site, password, email="me@acme.test"):
    return site.client.post("/api/finops/login", json={"email": email, "password": password})


def test_sign_in_is_throttled_even_for_the_right_password(site):
    site.account()
    for _ in range(throttle.TRIES_PER_PAIR):
        assert login(site, "wrong").status_code == 401
    refused = login(site, PASSWORD)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 15 * 60


def test_an_unknown_address_is_answered_like_a_wrong_password(site):
    site.account()
    unknown, wrong = login(site, "wrong", "nobody@acme.test"), login(site, "wrong")
    assert (unknown.status_code, unknown.json()) == (wrong.status_code, wrong.json())


def test_a_right_password_forgets_the_failures(site):
    site.account()
    for _ in range(3):
        for _ in range(throttle.TRIES_PER_PAIR - 1):
            assert login(site, "wrong").status_code == 401
        assert login(site, PASSWORD).status_code == 200


def test_the_window_passes(db, monkeypatch):
    for _ in range(throttle.TRIES_PER_PAIR):
        assert throttle.try_sign_in(db, "a@b.test", "10.0.0.1") == 0
    assert throttle.try_sign_in(db, "A@b.test ", "10.0.0.1") > 0
    assert throttle.try_sign_in(db, "a@b.test", "10.0.0.2") == 0
    later = clock.now() + throttle.WINDOW + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert throttle.try_sign_in(db, "a@b.test", "10.0.0.1") == 0


def test_one_address_may_not_try_many_accounts(db):
    waits = [throttle.try_sign_in(db, f"{i}@b.test", "10.0.0.1") for i in range(31)]
    assert waits[:30] == [0] * 30
    assert waits[30] > 0


def test_a_flood_of_names_from_one_address_fills_no_store(db):
    for i in range(throttle.TRIES_PER_ADDRESS + 20):
        throttle.try_sign_in(db, f"{i}@b.test", "10.0.0.1")
    rows = db.read("SELECT count(*) AS n FROM failure")[0]["n"]
    assert rows == 1 + 2 * throttle.TRIES_PER_ADDRESS


@pytest.mark.parametrize(
    ("addresses", "held"),
    [("2001:db8::{:x}", True), ("2001:db8:0:{:x}::1", False), ("::ffff:10.0.0.{}", False)],
)
def test_the_addresses_of_one_network_count_as_one(db, addresses, held):
    tries = range(throttle.TRIES_PER_ADDRESS + 1)
    waits = [throttle.try_sign_in(db, f"{i}@b.test", addresses.format(i)) for i in tries]
    assert (waits[-1] > 0) is held


def test_sign_ins_at_once_do_not_wait_for_each_other_for_ever(db):
    def sign_in(_):
        for _ in range(10):
            if not throttle.try_sign_in(db, "me@acme.test", "192.0.2.1"):
                throttle.signed_in(db, "me@acme.test", "192.0.2.1")
        return "through"

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(sign_in, range(8))) == ["through"] * 8


def test_sessions_are_limited_too(db, site, tmp_path):
    account = site.account()
    token, _ = accounts.open_session(db, account)
    client = TestClient(create_app(db, tmp_path / "ledgers", rate=Rate(per_second=0.5, burst=3)))
    asked = {"headers": {"Authorization": f"Bearer {token}"}}
    answers = [client.post("/api/finops/register", **asked) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    page = client.get("/keys", headers={"Cookie": f"finops_session={token}"})
    assert page.status_code == 429
    assert "too many requests" in page.text
    assert 1 <= int(page.headers["retry-after"]) <= 2


def test_requests_are_limited_a_key(db, site, tmp_path):
    account = site.account()
    one, two = site.key(account), site.key(account)
    client = TestClient(create_app(db, tmp_path / "ledgers", rate=Rate(per_second=0.5, burst=3)))
    headers = [{"Authorization": f"Bearer {key}"} for key in (one, two)]
    answers = [client.get("/api/finops/alerts", headers=headers[0]) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 2
    assert client.get("/api/finops/alerts", headers=headers[1]).status_code == 200


def test_a_bucket_fills_again():
    now = [0.0]
    rate = Rate(per_second=2, burst=2, timer=lambda: now[0])
    assert [rate.take("k") for _ in range(3)] == [0, 0, 1]
    now[0] = 0.5
    assert [rate.take("k") for _ in range(2)] == [0, 1]
    now[0] = 1000.0
    assert [rate.take("k") for _ in range(3)] == [0, 0, 1]
