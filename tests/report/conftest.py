"""A small REST server on 127.0.0.1 that misbehaves as told."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from finops_pack.report import exact
from finops_pack.report.model import parse

Row = dict[str, Any]


@dataclass
class Platform:
    """What the server holds and how it behaves.

    `acts` are taken one a POST, `trend_acts` one a GET of cost-trends; when none is left it
    behaves. An act is words: `save` first or not, then `hang`, `drop`, `garbage`, `large`, `drip`,
    or a status, with `after=SECONDS` as Retry-After.
    """

    replaces: bool = False
    adds: bool = True
    days_apart: bool = False
    trends: bool = True
    echo: bool = False
    padding: str = ""
    id: str = ""
    delay: float = 0.0
    acts: deque[str] = field(default_factory=deque)
    trend_acts: deque[str] = field(default_factory=deque)
    posts: list[Row] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    saved: dict[str, list[Row]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    freed: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def save(self, body: Row) -> None:
        """Keep a report: in place of the day's, or beside it."""
        with self.lock:
            day = self.saved.setdefault(body["date"], [])
            if self.replaces or not self.adds:
                day.clear()
            day.append(body)

    def data(self) -> list[Row]:
        """The rows of cost-trends."""
        with self.lock:
            days = sorted(self.saved.items())
        if self.days_apart:
            return [row for _, rows in days for row in rows]
        told = [_added(date, rows) for date, rows in days]
        if self.replaces:
            for row, (_, rows) in zip(told, days, strict=True):
                row["reports"] = [_told(r) for r in rows]
        return told

    def requests(self) -> dict[str, int]:
        """Requests by date, as its dashboard would show them."""
        return {date: sum(r["total_requests"] for r in rows) for date, rows in self.saved.items()}


def _told(body: Row) -> Row:
    report = parse(exact.loads(json.dumps(body)))
    return {"reporter": report.reporter, "content_hash": report.content_hash}


def _added(date: str, rows: list[Row]) -> Row:
    names = ("total_cost", "total_tokens", "total_requests")
    return {"date": date, **{name: sum(row[name] for row in rows) for name in names}}


class Handler(BaseHTTPRequestHandler):
    platform: Platform
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.platform.asked.append(self.path)
        if not self.platform.trends:
            return self.answer(404, {"ok": False, "error": {"code": "not_found", "message": "no"}})
        act = self._next(self.platform.trend_acts)
        return self.act(act, {"period": {}, "data": self.platform.data()})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.platform.posts.append({"body": body, "headers": dict(self.headers)})
        time.sleep(self.platform.delay)
        act = self._next(self.platform.acts) or "save"
        report_id = self.platform.id or f"rpt_{body.get('date')}"
        if act.startswith("save"):
            self.platform.save(body)
        self.act(act.removeprefix("save").strip(), {"ok": True, "report_id": report_id})

    def _next(self, acts: deque[str]) -> str:
        with self.platform.lock:
            return acts.popleft() if acts else ""

    def act(self, act: str, body: Row) -> None:
        verb, _, after = act.partition(" after=")
        if verb == "hang":
            self.platform.freed.wait(30)
            self.close_connection = True
        elif verb == "drop":
            self.close_connection = True
            self.connection.close()
        elif verb == "garbage":
            self.raw(200, b"<html>busy</html>")
        elif verb == "large":
            self.answer(200, {**body, "more": "x" * (9 << 20)})
        elif verb == "drip":
            self.drip()
        elif verb:
            said = self.platform.padding + self.echoed() if self.platform.echo else "\x1b[31mno"
            self.answer(int(verb), {"ok": False, "error": {"message": said}}, after)
        else:
            self.answer(200, body)

    def echoed(self) -> str:
        """What the caller showed of itself: its header, or the body of a sign-in."""
        return self.headers["Authorization"] or str(self.platform.posts[-1]["body"])

    def drip(self) -> None:
        self.close_connection = True
        for letter in b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" * 50:
            if self.platform.freed.wait(0.05):
                return
            try:
                self.wfile.write(bytes([letter]))
            except OSError:
                return

    def answer(self, status: int, body: Row, after: str = "") -> None:
        self.raw(status, json.dumps(body).encode(), after)

    def raw(self, status: int, text: bytes, after: str = "") -> None:
        self.send_response(status)
        if self.platform.replaces:
            self.send_header("FinOps-Reports", "replace")
        if after:
            self.send_header("Retry-After", after)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that goes away is what these tests are about."""


@pytest.fixture
def key() -> str:
    """An API key that must show up nowhere."""
    return "finops_" + "k3yN0tForYourEyes" * 2


@pytest.fixture
def platform() -> Iterator[Callable[..., Platform]]:
    """Start a server: `platform(replaces=True)`; stopped when the test ends."""
    started: list[tuple[_Quiet, Platform]] = []

    def start(tls: ssl.SSLContext | None = None, **how: Any) -> Platform:
        made = Platform(**how)
        server = _Quiet(("127.0.0.1", 0), type("Bound", (Handler,), {"platform": made}))
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        made.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
        started.append((server, made))
        return made

    yield start
    for server, made in started:
        made.freed.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def ledger_url(tmp_path: Path) -> str:
    """An empty ledger."""
    return str(tmp_path / "ledger.db")


@pytest.fixture
def book(ledger_url: str) -> Callable[..., None]:
    """Book calls: `book({"2026-02-28": 3}, model="gpt-4o", cost_pico=5_000_000)`."""
    from finops_pack.ledger import open_ledger

    serial = iter(range(10**9))

    def run(days: dict[str, int], **fields: Any) -> None:
        lines = [
            _call(date, next(serial), fields) for date, count in days.items() for _ in range(count)
        ]
        ledger = open_ledger(ledger_url)
        assert not ledger.book(lines).rejected
        ledger.close()

    return run


def _call(date: str, serial: int, fields: dict[str, Any]) -> dict[str, Any]:
    noon = datetime.fromisoformat(f"{date}T12:00:00+00:00").timestamp()
    return {
        "type": "call",
        "id": f"call-{serial}",
        "start_us": int(noon * 1e6) + serial,
        "model": "gpt-4o",
        "provider": "openai",
        "action": "chat_response",
        "input_tokens": 1000,
        "output_tokens": 100,
        "cost_pico": 3_500_000_000,
        "cost_state": "priced",
        "billing_mode": "metered",
        **fields,
    }


@pytest.fixture(scope="session")
def our_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, str]]:
    """`finops serve` as a process of its own: its URL, and one account's e-mail and password."""
    email, password = "ann@example.com", "correct horse battery"
    folder = tmp_path_factory.mktemp("server")
    home = {"HOME": str(folder), "XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    env = {**os.environ, **home, "FINOPS_SERVER_DB": str(folder / "server.db")}
    serve = [sys.executable, "-m", "finops_pack", "serve"]
    create = [*serve, "--create-account", email, "--password-stdin"]
    subprocess.run(create, input=password, env=env, check=True, text=True, capture_output=True)
    with subprocess.Popen(
        [*serve, "--port", "0"], env=env, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("Listening on ").strip()
        yield url, email, password
        process.terminate()
