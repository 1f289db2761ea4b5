"""`finops alerts`: what is in force, silenced and told to webhooks."""

from __future__ import annotations

import json
import re
import shlex
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import finops_pack
from finops_pack import Usage, config

Finops = Callable[..., Any]


def alerts(finops: Finops, *words: str) -> dict[str, Any]:
    said = finops("alerts", *words, "--json")
    assert said.code == 0
    document: dict[str, Any] = said.json
    return document


@pytest.fixture
def over(finops: Finops) -> None:
    """Two budgets that are used up, and a third that is not."""
    finops("budget", "set", "0.001 USD/day soft")
    finops("budget", "set", "0.004 USD/week soft")
    finops("budget", "set", "100 USD/month")
    finops_pack.record(model="gpt-4o", provider="openai", usage=Usage(1000, 200, 600))
    finops_pack.flush()


@pytest.mark.usefixtures("over")
def test_one_alert_a_cause_and_period(finops: Finops) -> None:
    found = alerts(finops)["alerts"]
    assert [(a["alert_type"], a["severity"]) for a in found] == [
        ("budget_exceeded", "critical"),
        ("budget_warning", "high"),
    ]
    assert [a["key"] for a in alerts(finops)["alerts"]] == [a["key"] for a in found]
    assert len({a["key"] for a in found}) == 2


@pytest.mark.usefixtures("over")
def test_acknowledged_and_muted_ones_are_silent(finops: Finops) -> None:
    first, second = (a["key"] for a in alerts(finops)["alerts"])
    assert finops("alerts", "ack", first).code == 0
    assert [a["key"] for a in alerts(finops)["alerts"]] == [second]
    assert finops("alerts", "mute", second).code == 0
    told = alerts(finops)
    assert told["alerts"] == []
    assert told["muted"] == [second.rpartition(":20")[0]]  # the cause, whatever the period
    assert finops("alerts", "unmute", told["muted"][0]).code == 0
    assert [a["key"] for a in alerts(finops)["alerts"]] == [second]


def test_commands_with_names_of_any_kind_can_be_pasted(finops: Finops, tmp_path: Path) -> None:
    def line(number: int, task: str, model: str = "gpt-4o", **usage: int) -> str:
        at = datetime.now(UTC) - timedelta(days=number % 25, minutes=1)
        call = {"id": f"{task}{number}", "time": at.isoformat(), "model": model, "task": task}
        return json.dumps({**call, "usage": {"input_tokens": 9, "output_tokens": 9, **usage}})

    name = "it's $(false); ticket 7"
    lines = [line(n, f"t{n}") for n in range(60)]
    lines += [line(0, name, input_tokens=10**7), line(0, "t", "my model's")]
    (tmp_path / "calls.jsonl").write_text("\n".join(lines))
    assert finops("import", "jsonl", str(tmp_path / "calls.jsonl")).code == 0
    told = " ".join(alert["message"] for alert in alerts(finops)["alerts"])
    assert f"finops task {shlex.quote(name)} --why" in told
    assert "finops rates alias 'my model'\"'\"'s=KNOWN-MODEL'" in told
    acks = [
        shlex.split(words) for words in re.findall("finops (alerts ack .+)", finops("alerts").out)
    ]
    assert len(acks) == 2
    for ack in acks:
        assert finops(*ack).code == 0
    assert alerts(finops)["alerts"] == []


@pytest.mark.usefixtures("over")
def test_one_that_was_acknowledged_can_be_muted(finops: Finops) -> None:
    first, _ = (a["key"] for a in alerts(finops)["alerts"])
    assert finops("alerts", "ack", first).code == 0
    assert finops("alerts", "mute", first).code == 0
    assert alerts(finops)["muted"] == [first.rpartition(":20")[0]]


@pytest.mark.usefixtures("over")
@pytest.mark.parametrize("words", [["ack"], ["ack", "no such"], ["mute", "no"], ["unmute", "no"]])
def test_what_is_no_alert_cannot_be_silenced(finops: Finops, words: list[str]) -> None:
    assert finops("alerts", *words).code == 2


class Hook(BaseHTTPRequestHandler):
    """A chat's webhook: keeps what it was sent; says 500 while it is down."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        up: bool = self.server.up  # type: ignore[attr-defined]
        if up:
            self.server.got.append((self.headers["Content-Type"], json.loads(body)))  # type: ignore[attr-defined]
        self.send_response(200 if up else 500)
        self.send_header("Content-Length", "0" if self.path != "/endless" else str(2**40))
        self.end_headers()
        with suppress(OSError):
            while self.path == "/endless":
                self.wfile.write(bytes(2**20))

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal."""


@contextmanager
def webhook() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.up, server.got = True, []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def set_up(*webhooks: str) -> None:
    settings = config.config_dir() / "config.toml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(f"webhooks = {list(webhooks)}\n")


@pytest.mark.usefixtures("over")
def test_a_webhook_is_told_once_and_again_when_it_was_down(finops: Finops) -> None:
    with webhook() as server:
        set_up(f"http://127.0.0.1:{server.server_port}/hook")
        server.up = False
        told = alerts(finops, "--send")
        assert (told["sent"], told["failed"]) == (0, 2)
        server.up = True
        assert alerts(finops, "--send")["sent"] == 2
        assert alerts(finops, "--send")["sent"] == 0
        assert len(server.got) == 2
        for kind, body in server.got:
            assert kind == "application/json"
            assert list(body) == ["text"]  # all that Slack asks for
        assert server.got[0][1]["text"].startswith("[critical] Budget used up: 0.001 USD/day soft")


@pytest.mark.usefixtures("over")
def test_a_webhook_that_is_down_takes_nothing_from_the_others(finops: Finops) -> None:
    with webhook() as up, webhook() as down:
        down.up = False
        hooks = [f"http://127.0.0.1:{one.server_port}/" for one in (down, up)]
        set_up(*hooks, "http://[no-url")
        for _ in range(2):
            assert alerts(finops, "--send")["failed"] == 2
        assert len(up.got) == 2
        down.up = True
        alerts(finops, "--send")
        assert (len(up.got), len(down.got)) == (2, 2)


def test_a_name_calls_nobody_and_an_answer_without_end_is_not_read(
    finops: Finops, empty_home: Path
) -> None:
    finops_pack.record(model="<!channel> & <https://a.test|pay>", usage=Usage(10, 10))
    with webhook() as server:
        set_up(f"http://127.0.0.1:{server.server_port}/endless")
        assert alerts(finops, "--send")["sent"] == 1
        assert "&lt;!channel&gt; &amp; &lt;https" in server.got[0][1]["text"]


@pytest.mark.usefixtures("over")
def test_a_projects_webhook_counts_only_once_trusted(
    finops: Finops, monkeypatch: pytest.MonkeyPatch, empty_home: Path
) -> None:
    with webhook() as server:
        (empty_home / "finops.toml").write_text(
            f'webhooks = ["http://127.0.0.1:{server.server_port}/"]\n'
        )
        monkeypatch.chdir(empty_home)
        assert alerts(finops, "--send")["sent"] == 0
        config.trust(empty_home / "finops.toml")
        assert alerts(finops, "--send")["sent"] == 2
        assert len(server.got) == 2
