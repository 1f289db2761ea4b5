"""The client says what became of a request, whatever the server does."""

from __future__ import annotations

import gzip
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from finops_pack.report.client import Client, Reply
from finops_pack.report.keys import Secret

REPORT = '{"date":"2026-02-28","total_tokens":10,"total_cost":14.73,"total_requests":3}'
Ask = Callable[..., Reply]


@pytest.fixture
def ask(key: str) -> Ask:
    """Send one report to a platform, with a deadline of half a second."""

    def send(platform: Any, report: str = REPORT) -> Reply:
        with Client(platform.url, Secret(key), deadline=0.5) as client:
            return client.send(report, "led_1:2026-02-28:abc")

    return send


@pytest.fixture
def bomb() -> Iterator[str]:
    """A server whose answer of 1 KiB unpacks to 64 MiB, all at once."""
    text = gzip.compress(gzip.compress(bytes(64 << 20)))

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip, gzip")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_report_arrives_with_its_key_and_idempotency_key(
    platform: Callable[..., Any], ask: Ask, key: str
) -> None:
    server = platform(replaces=True)
    reply = ask(server)
    assert (reply.kind, reply.body["report_id"], reply.replaces) == ("ok", "rpt_2026-02-28", True)
    headers = server.posts[0]["headers"]
    assert headers["Authorization"] == f"Bearer {key}"
    assert headers["Idempotency-Key"] == "led_1:2026-02-28:abc"
    assert server.posts[0]["body"]["total_cost"] == 14.73


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        ("429 after=3600", "retry"),
        ("408", "retry"),
        ("425", "retry"),
        ("500", "unclear"),
        ("save 503", "unclear"),
        ("save hang", "unclear"),
        ("save drop", "unclear"),
        ("save garbage", "unclear"),
        ("drip", "unclear"),
        ("400", "refused"),
        ("401", "refused"),
        ("413", "refused"),
        ("422", "refused"),
    ],
)
def test_outcomes(platform: Callable[..., Any], ask: Ask, act: str, kind: str) -> None:
    began = time.monotonic()
    reply = ask(platform(acts=deque([act])))
    assert reply.kind == kind
    assert reply.timed_out == ("hang" in act or "drip" in act)
    assert reply.message
    assert time.monotonic() - began < 3


def test_a_large_answer_is_read_whole(platform: Callable[..., Any], key: str) -> None:
    with Client(platform(trend_acts=deque(["large"])).url, Secret(key)) as client:
        reply = client.trends()
    assert (reply.kind, len(reply.body["more"])) == ("ok", 9 << 20)


def test_what_is_packed_twice_is_not_unpacked(bomb: str, key: str) -> None:
    with Client(bomb, Secret(key)) as client:
        reply = client.trends()
    assert (reply.kind, reply.body) == ("unclear", {})
    assert "packed as 'gzip, gzip'" in reply.message


def test_nobody_listens(ask: Ask, platform: Callable[..., Any]) -> None:
    server = platform()
    server.url = "http://127.0.0.1:1"
    reply = ask(server)
    assert reply.kind == "retry"
    assert reply.message.startswith("cannot connect")


@pytest.mark.parametrize(
    ("after", "least", "most"),
    [
        ("120", 120, 120),
        ("604800", 86_400, 86_400),
        ("999999999", 86_400, 86_400),
        ("-5", None, None),
        ("soon", None, None),
        (timedelta(hours=10), 28_800, 36_001),
        (-timedelta(hours=1), 0, 0),
    ],
)
def test_retry_after(
    platform: Callable[..., Any],
    ask: Ask,
    after: str | timedelta,
    least: float | None,
    most: float | None,
) -> None:
    if isinstance(after, timedelta):
        after = format_datetime(datetime.now(UTC) + after, usegmt=True)
    wait = ask(platform(acts=deque([f"429 after={after}"]))).retry_after
    if least is None or most is None:
        assert wait is None
    else:
        assert least <= wait <= most


def test_no_redirect_is_followed_with_the_key(platform: Callable[..., Any], ask: Ask) -> None:
    reply = ask(platform(acts=deque(["307"])))
    assert (reply.kind, reply.status) == ("refused", 307)
    assert "redirects" in reply.message


def test_an_answer_cannot_paint_on_a_terminal(platform: Callable[..., Any], ask: Ask) -> None:
    assert ask(platform(acts=deque(["422"]))).message == "422 [31mno"


def test_the_key_shows_up_nowhere(
    platform: Callable[..., Any], key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = platform(acts=deque(["422"]), echo=True)
    with Client(server.url, Secret(key), deadline=0.5) as client:
        reply = client.send(REPORT, "a:b:c")
        assert "(secret)" in reply.message
        assert key not in repr(reply) + repr(client) + repr(vars(client)) + caplog.text


@pytest.mark.parametrize("padding", [0, 150, 180, 190, 199])
def test_no_piece_of_a_secret_is_left_where_words_are_cut(
    platform: Callable[..., Any], key: str, padding: int
) -> None:
    server = platform(acts=deque(["422", "422"]), echo=True, padding="y" * padding)
    with Client(server.url, Secret(key)) as client:
        assert "finops_" not in client.send(REPORT, "a:b:c").message
    with Client(server.url, None) as client:
        assert "swordf" not in client.login("y", Secret("swordfish")).message


def test_a_report_id_is_somebody_elses_words(platform: Callable[..., Any], key: str) -> None:
    server = platform(id=f"\x1b[31m{key}" + "z" * 300)
    with Client(server.url, Secret(key)) as client:
        named = client.send(REPORT, "a:b:c").body["report_id"]
    assert named == "[31m(secret)" + "z" * 188


def test_proxy_variables_do_not_divert_what_stays_on_this_machine(
    platform: Callable[..., Any], ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert ask(platform()).kind == "ok"
