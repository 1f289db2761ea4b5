"""Each way to set a budget, each window and scope, the thresholds; then the alerts."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import finops_pack
from finops_pack import cli, config, recorder
from finops_pack.budgets import parse
from finops_pack.errors import BudgetExceeded, ConfigError
from finops_pack.gate._limits import zone_of
from finops_pack.ledger import open_ledger
from finops_pack.model import Usage

FULL = Usage(1000, 200, 600)  # $0.00375 on gpt-4o
BIG = 3000  # max_output_tokens whose bound is $0.03 on gpt-4o
HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture(autouse=True)
def close() -> Iterator[None]:
    yield
    recorder.close()


def call(**fields: Any) -> None:
    rec = recorder.get()
    begun = {"model": "gpt-4o", "provider": "openai", "messages": HELLO, **fields}
    rec.begin(**begun, max_output_tokens=200).finish(FULL)


def finops(*words: str) -> int:
    config.reload()
    return cli.main(words)


def toml(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    (home / "finops.toml").write_text('budget = ["0.006 USD/day", "1 USD/month soft"]\n')
    monkeypatch.chdir(home)
    config.reload()


def environment(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("FINOPS_BUDGET", "1 USD/month soft; 0.006 USD/day")
    config.reload()


def argument(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    finops_pack.track(budget=["0.006 USD/day", "1 USD/month soft"])


def command(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    assert finops("budget", "set", "0.006 USD/day") == 0


@pytest.mark.parametrize("way", [toml, environment, argument, command])
def test_every_way_in_holds(
    way: Callable[[pytest.MonkeyPatch, Path], None],
    monkeypatch: pytest.MonkeyPatch,
    empty_home: Path,
) -> None:
    way(monkeypatch, empty_home)
    call()
    with pytest.raises(BudgetExceeded) as caught:
        call()
    assert caught.value.window == "day"


async def test_a_task_as_context_manager_and_decorator() -> None:
    @finops_pack.task(budget="0.006 USD/task")
    async def work() -> None:
        call()
        call()

    for _ in range(2):  # each run of a decorated function is a task of its own
        with pytest.raises(BudgetExceeded):
            await work()
    async with finops_pack.task("t", budget="0.006 USD/task"):
        call()
        with pytest.raises(BudgetExceeded):
            call()


@pytest.mark.parametrize("budget", ["nonsense", "0 USD/task", 1])
def test_a_tasks_budget_that_cannot_be_read_is_told_to_its_author(budget: Any) -> None:
    with pytest.raises(ConfigError, match="task budget"):
        finops_pack.task("t", budget=budget)


def test_a_mistake_elsewhere_in_the_projects_file_lifts_no_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "finops.toml").write_text('budget = ["0.006 USD/day"]\nprojekt = "x"')
    monkeypatch.chdir(tmp_path)
    config.reload()
    call()
    with pytest.raises(BudgetExceeded):
        call()
    assert "projekt: unknown setting" in caplog.text


def test_a_budget_set_elsewhere_for_another_window_lifts_none(
    tmp_path: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = config.config_dir() / "config.toml"
    own.parent.mkdir(parents=True)
    own.write_text('budget = ["5 USD/day", "9 USD/month"]')
    (tmp_path / "finops.toml").write_text('budget = "1 USD/task"')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FINOPS_BUDGET", "2 USD/day; nonsense")
    config.reload()
    finops_pack.track(budget="3 USD/session")
    in_force = {str(budget) for budget in recorder.get()._gate._known.all()}
    assert in_force == {"2 USD/day", "9 USD/month", "1 USD/task", "3 USD/session"}
    assert config.load().sources["budget"] == f"{own}, {tmp_path / 'finops.toml'}, FINOPS_BUDGET"
    with pytest.raises(ConfigError):
        finops_pack.track(budget="nonsense")


def test_one_mistake_of_the_environment_lifts_none_of_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FINOPS_BUDGET", "5 EUR/day; 0.006 USD/day; 1 USD/fortnight")
    config.reload()
    call()
    with pytest.raises(BudgetExceeded):
        call()
    said = "\n".join(caplog.messages)
    assert "not in force: FINOPS_BUDGET: '5 EUR/day'" in said
    assert "'1 USD/fortnight'" in said


def test_a_broken_settings_file_does_not_lift_the_environments_budget(
    monkeypatch: pytest.MonkeyPatch, empty_home: Path
) -> None:
    (empty_home / "finops.toml").write_text("bugdet = 5\n")
    monkeypatch.chdir(empty_home)
    monkeypatch.setenv("FINOPS_BUDGET", "0.006 USD/day")
    monkeypatch.setenv("FINOPS_TAGS", "no tag")
    config.reload()
    call()
    with pytest.raises(BudgetExceeded):
        call()


@pytest.mark.parametrize("window", ["session", "24h", "task", "week"])
def test_windows(window: str) -> None:
    finops_pack.track(budget=f"0.006 USD/{window}")
    call(session="s", task="t")
    with pytest.raises(BudgetExceeded) as caught:
        call(session="s", task="t")
    assert caught.value.window == window
    if window in ("session", "task"):
        call(session="s2", task="t2")
        call()  # under neither


def test_what_was_spent_a_day_and_more_ago_is_out_of_24_hours() -> None:
    ledger = open_ledger(config.load().ledger)
    day_us = 86_400_000_000
    now = int(datetime.now(UTC).timestamp() * 1e6)
    row = {"type": "call", "model": "gpt-4o", "cost_pico": 5 * 10**9, "cost_state": "priced",
           "billing_mode": "metered"}  # fmt: skip
    ledger.book([{**row, "id": "old", "start_us": now - day_us - 10**7}])
    finops_pack.track(budget="0.006 USD/24h")
    call()
    ledger.book([{**row, "id": "new", "start_us": now - day_us + 6 * 10**8}])
    ledger.close()
    with pytest.raises(BudgetExceeded):
        call()


@pytest.mark.parametrize(
    ("scope", "inside", "outside"),
    [
        ("tag.customer=acme", {"tags": {"customer": "acme"}}, {"tags": {"customer": "other"}}),
        ("project=shop", {"project": "shop"}, {"project": "desk"}),
        ("action=plan", {"action": "plan"}, {}),
        ("session=s1", {"session": "s1"}, {"session": "s2"}),
        ("model=gpt-4o", {}, {"model": "gpt-4o-mini"}),
    ],
)
def test_scopes(scope: str, inside: dict[str, Any], outside: dict[str, Any]) -> None:
    finops_pack.track(budget=f"0.006 USD/day {scope}")
    call(**inside)
    with pytest.raises(BudgetExceeded):
        call(**inside)
    call(**outside)
    call(**outside)


def test_a_month_begins_at_the_ledgers_midnight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINOPS_TZ", "Pacific/Kiritimati")  # UTC+14, no summer time
    config.reload()
    ledger = open_ledger(config.load().ledger)
    zone = zone_of(ledger.time_zone)
    where = parse("1 USD/month").where(datetime.now(UTC), zone)
    assert where.since_us is not None
    row = {"type": "call", "model": "gpt-4o", "cost_pico": 5 * 10**9, "cost_state": "priced",
           "billing_mode": "metered"}  # fmt: skip
    ledger.book([{**row, "id": "last month", "start_us": where.since_us - 1}])
    assert ledger.spent(where) == (0, 0)
    ledger.book([{**row, "id": "this month", "start_us": where.since_us}])
    assert ledger.spent(where) == (5 * 10**9, 0)
    ledger.close()
    begins = datetime.fromtimestamp(where.since_us / 1e6, UTC)
    assert begins.hour == 10
    assert begins.astimezone(zone).day == 1


@pytest.mark.parametrize(
    "spec", ["0.0075 USD/day soft", "0.0075 USD/24h soft", "0.0075 USD/session soft"]
)
def test_each_threshold_is_told_once(spec: str, caplog: pytest.LogCaptureFixture) -> None:
    finops_pack.track(budget=spec)
    for _ in range(4):
        call(session="s")
    told = [text.split(" % used")[0].split()[-1] for text in caplog.messages if "% used" in text]
    assert told == ["50", "100"]


@pytest.mark.parametrize(
    ("levels", "expected"), [("40,90", ["40", "90"]), ("nonsense", ["50", "100"])]
)
def test_thresholds_are_the_users_and_a_mistake_in_them_lifts_no_budget(
    levels: str,
    expected: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("FINOPS_THRESHOLDS", levels)
    config.reload()
    finops_pack.track(budget="0.0075 USD/day soft")
    for _ in range(3):
        call()
    told = [text.split(" % used")[0].split()[-1] for text in caplog.messages if "% used" in text]
    assert told == expected


def test_a_tasks_thresholds_too(caplog: pytest.LogCaptureFixture) -> None:
    with finops_pack.task("t", budget="0.0047 USD/task soft"):
        call()
        call()
        call()
    told = [text for text in caplog.messages if "% used" in text]
    assert [text.split()[1] for text in told] == ["50", "100"]


# --- alerts ------------------------------------------------------------------------------------
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


def alerts(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert finops("alerts", *words, "--json") == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


@pytest.fixture
def over(empty_home: Path) -> None:
    """Two budgets that are used up, and a third that is not."""
    finops("budget", "set", "0.001 USD/day soft")
    finops("budget", "set", "0.004 USD/week soft")
    finops("budget", "set", "100 USD/month")
    call()
    finops_pack.flush()


@pytest.mark.usefixtures("over")
def test_one_alert_a_cause_and_period(capsys: pytest.CaptureFixture[str]) -> None:
    found = alerts(capsys)["alerts"]
    assert [(a["alert_type"], a["severity"]) for a in found] == [
        ("budget_exceeded", "critical"),
        ("budget_warning", "high"),
    ]
    assert [a["key"] for a in alerts(capsys)["alerts"]] == [a["key"] for a in found]
    assert len({a["key"] for a in found}) == 2


@pytest.mark.usefixtures("over")
def test_acknowledged_and_muted_ones_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = (a["key"] for a in alerts(capsys)["alerts"])
    assert finops("alerts", "ack", first) == 0
    assert [a["key"] for a in alerts(capsys)["alerts"]] == [second]
    assert finops("alerts", "mute", second) == 0
    told = alerts(capsys)
    assert told["alerts"] == []
    assert told["muted"] == [second.rpartition(":20")[0]]  # the cause, whatever the period
    assert finops("alerts", "unmute", told["muted"][0]) == 0
    assert [a["key"] for a in alerts(capsys)["alerts"]] == [second]


@pytest.mark.usefixtures("over")
def test_one_that_was_acknowledged_can_be_muted(capsys: pytest.CaptureFixture[str]) -> None:
    first, _ = (a["key"] for a in alerts(capsys)["alerts"])
    assert finops("alerts", "ack", first) == 0
    assert finops("alerts", "mute", first) == 0
    assert alerts(capsys)["muted"] == [first.rpartition(":20")[0]]


@pytest.mark.usefixtures("over")
@pytest.mark.parametrize("words", [["ack"], ["ack", "no such"], ["mute", "no"], ["unmute", "no"]])
def test_what_is_no_alert_cannot_be_silenced(words: list[str]) -> None:
    assert finops("alerts", *words) == 2


@pytest.mark.usefixtures("over")
def test_a_webhook_is_told_once_and_again_when_it_was_down(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with webhook() as server:
        settings = config.config_dir() / "config.toml"
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(f'webhooks = ["http://127.0.0.1:{server.server_port}/hook"]\n')
        server.up = False
        told = alerts(capsys, "--send")
        assert (told["sent"], told["failed"]) == (0, 2)
        server.up = True
        assert alerts(capsys, "--send")["sent"] == 2
        assert alerts(capsys, "--send")["sent"] == 0
        assert len(server.got) == 2
        for kind, body in server.got:
            assert kind == "application/json"
            assert list(body) == ["text"]  # all that Slack asks for
        assert server.got[0][1]["text"].startswith("[critical] Budget used up: 0.001 USD/day soft")


@pytest.mark.usefixtures("over")
def test_a_webhook_that_is_down_takes_nothing_from_the_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with webhook() as up, webhook() as down:
        down.up = False
        hooks = [f"http://127.0.0.1:{one.server_port}/" for one in (down, up)]
        settings = config.config_dir() / "config.toml"
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(f"webhooks = {[*hooks, 'http://[no-url']}\n")
        for _ in range(2):
            assert alerts(capsys, "--send")["failed"] == 2
        assert len(up.got) == 2
        down.up = True
        alerts(capsys, "--send")
        assert (len(up.got), len(down.got)) == (2, 2)


def test_a_name_calls_nobody_and_an_answer_without_end_is_not_read(
    capsys: pytest.CaptureFixture[str], empty_home: Path
) -> None:
    finops_pack.record(model="<!channel> & <https://a.test|pay>", usage=finops_pack.Usage(10, 10))
    with webhook() as server:
        settings = config.config_dir() / "config.toml"
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(f'webhooks = ["http://127.0.0.1:{server.server_port}/endless"]\n')
        assert alerts(capsys, "--send")["sent"] == 1
        assert "&lt;!channel&gt; &amp; &lt;https" in server.got[0][1]["text"]


@pytest.mark.usefixtures("over")
def test_a_projects_webhook_counts_only_once_trusted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, empty_home: Path
) -> None:
    with webhook() as server:
        (empty_home / "finops.toml").write_text(
            f'webhooks = ["http://127.0.0.1:{server.server_port}/"]\n'
        )
        monkeypatch.chdir(empty_home)
        assert alerts(capsys, "--send")["sent"] == 0
        config.trust(empty_home / "finops.toml")
        assert alerts(capsys, "--send")["sent"] == 2
        assert len(server.got) == 2
