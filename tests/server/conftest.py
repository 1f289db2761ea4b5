"""A server in this process, on both stores, with accounts and keys at hand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from finops_pack.server import accounts, clock, crypto, run
from finops_pack.server.accounts import Account
from finops_pack.server.app import create_app
from finops_pack.server.stores import Database, open_database
from finops_pack.server.throttle import Rate

PASSWORD = "correct horse"
TODAY = date(2026, 2, 28)


@dataclass
class Site:
    """The application, its store, and short ways to use them."""

    db: Database
    client: TestClient

    def account(self, email: str = "me@acme.test", company: str = "Acme AI") -> Account:
        """A new account with the password `PASSWORD`."""
        return accounts.create(self.db, email, PASSWORD, company)

    def key(self, account: Account, scope: accounts.Scope = "write") -> str:
        """A new key of that account."""
        return accounts.register_key(self.db, account.id, "test", scope)[0]

    def ask(self, key: str, method: str, path: str, **more: Any) -> httpx.Response:
        """One call of the API."""
        headers = {"Authorization": f"Bearer {key}", **more.pop("headers", {})}
        return self.client.request(method, f"/api/finops{path}", headers=headers, **more)

    def report(self, key: str, date: str = "2026-02-28", **fields: Any) -> dict[str, Any]:
        """Send a report; its answer."""
        body = {"date": date, "total_tokens": 1000, "total_cost": 10, "total_requests": 10}
        answer = self.ask(key, "POST", "/daily-report", json={**body, **fields})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """scrypt at a small cost: the real one takes a tenth of a second, hundreds of times."""
    monkeypatch.setattr(crypto, "COST", 2**8)


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty store of each kind."""
    if request.param == "sqlite":
        store = open_database(str(tmp_path / "server.db"))
    else:
        store = open_database(request.getfixturevalue("postgres_url"))
    yield store
    store.close()


@pytest.fixture
def today(monkeypatch: pytest.MonkeyPatch) -> date:
    """The server believes that it is the day of the seed's examples."""
    monkeypatch.setattr(clock, "today", lambda: TODAY)
    return TODAY


@pytest.fixture
def site(db: Database, today: date, tmp_path: Path) -> Site:
    """A server on that day."""
    return Site(db, TestClient(create_app(db, tmp_path / "ledgers", rate=Rate(burst=100_000))))


@pytest.fixture
def key(site: Site) -> str:
    """A key that may write, of a new account."""
    return site.key(site.account())


@dataclass
class Live:
    """A server that listens on 127.0.0.1, on its real day, with one account."""

    url: str
    db: Database
    account: Account
    key: str
    app: FastAPI


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """A listening server over SQLite, with one account and its key."""
    store = open_database(str(tmp_path / "live.db"))
    account = accounts.create(store, "me@acme.test", PASSWORD, "Acme AI")
    key, _ = accounts.register_key(store, account.id, "test", "write")
    app = create_app(store, tmp_path / "ledgers")
    with listening(app) as url:
        yield Live(url, store, account, key, app)
    store.close()


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """Serve the application from a thread; its address."""
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    server, sock = uvicorn.Server(config), run.listen("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        yield run.address(sock)
    finally:
        server.should_exit = True
        thread.join(10)
        sock.close()
