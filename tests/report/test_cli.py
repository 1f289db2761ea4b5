"""`finops report`, as a person and a cron line use it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from finops_pack import config
from finops_pack.cli import main
from finops_pack.report import exact
from finops_pack.report.keys import api_key, store
from finops_pack.report.model import parse

ROOT = Path(__file__).parents[2]
Start = Callable[..., Any]
Book = Callable[..., None]
Finops = Callable[..., int]


def ago(days: int) -> str:
    return (datetime.now(UTC).date() - timedelta(days=days)).isoformat()


@pytest.fixture
def finops(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> Finops:
    """Run a command on the test's ledger."""
    monkeypatch.setenv("FINOPS_LEDGER", ledger_url)

    def run(*words: str) -> int:
        config.reload()
        return main(list(words))

    return run


Out = pytest.CaptureFixture[str]


def test_json_is_the_payload_and_nothing_else(finops: Finops, book: Book, capsys: Out) -> None:
    book({ago(2): 3, ago(1): 2})
    assert finops("report", "--json") == 0
    out = capsys.readouterr().out
    body = exact.loads(out)
    assert (body["date"], body["total_requests"], body["total_tokens"]) == (ago(1), 2, 2200)
    assert body["total_cost"] == exact.loads("0.007")
    assert body["cost_by_model"] == {"gpt-4o": exact.loads("0.007")}
    assert parse(body).warnings() == []
    finops("report", "--json")
    assert capsys.readouterr().out == out


def test_a_date_is_chosen(finops: Finops, book: Book, capsys: Out) -> None:
    book({ago(2): 3, ago(1): 2})
    for word, requests in ((ago(2), 3), ("yesterday", 2)):
        assert finops("report", "--json", "--date", word) == 0
        assert json.loads(capsys.readouterr().out)["total_requests"] == requests


def test_what_is_less_than_a_report_can_hold_is_not_free(
    finops: Finops, book: Book, capsys: Out
) -> None:
    book({ago(1): 1}, cost_pico=320_000)
    assert finops("report") == 0
    out = capsys.readouterr().out
    assert "cost      $0.00000032\n" in out
    assert "$0\n" not in out
    assert finops("report", "--json") == 0
    assert exact.loads(capsys.readouterr().out)["total_cost"] == 0


def test_people_see_figures_coverage_and_where_it_stands(
    finops: Finops, book: Book, capsys: Out
) -> None:
    book({ago(1): 2})
    book({ago(1): 1}, model="mystery", cost_pico=None, cost_state="unpriced")
    assert finops("report") == 0
    out = capsys.readouterr().out
    for words in (ago(1), "0.007", "2 of 3 requests priced", "no price for mystery", "not sent"):
        assert words in out


def test_an_empty_ledger_is_said_to_be_empty(
    finops: Finops, book: Book, capsys: Out, ledger_url: str
) -> None:
    assert finops("report") == 0
    assert "nothing recorded yet" in capsys.readouterr().out
    assert finops("report", "--json") == 0, "as every command that finds nothing"
    said = json.loads(capsys.readouterr().out)
    assert said["schema"] == "finops.report"
    assert "nothing recorded yet" in said["nothing"]
    assert finops("report", "--send") == 0
    assert "nothing recorded yet" in capsys.readouterr().out
    assert not Path(ledger_url).exists()
    book({ago(3): 1})
    assert finops("report", "--date", ago(1)) == 2
    assert ago(3) in capsys.readouterr().err
    assert finops("report", "--date", "tomorrow-ish") == 2


def test_flat_plans_are_not_reported(finops: Finops, book: Book, capsys: Out) -> None:
    book({ago(1): 5, ago(2): 1}, billing_mode="subscription", model="claude")
    assert finops("report") == 0
    assert "see: finops spend --billing subscription" in capsys.readouterr().out
    book({ago(1): 2})
    assert finops("report", "--json") == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["total_requests"], list(body["cost_by_model"])) == (2, ["gpt-4o"])
    assert finops("report", "--dry-run", "--json") == 0
    assert [r["date"] for r in json.loads(capsys.readouterr().out)["due"]] == [ago(1)]


def test_a_dry_run_shows_what_send_then_sends(
    finops: Finops, book: Book, platform: Start, key: str, capsys: Out
) -> None:
    server = platform(replaces=True)
    store(server.url, api_key(key))
    book({ago(0): 1, ago(1): 2, ago(2): 3})
    assert finops("report", "--dry-run") == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (server.posts, server.asked) == ([], [])
    assert finops("report", "--send", "--json") == 0
    out = capsys.readouterr().out
    said = json.loads(out)
    assert [row["date"] for row in said["sent"]] == [ago(2), ago(1)]
    assert (said["schema"], said["pending"], said["failed"]) == ("finops.delivery", [], [])
    assert [post["body"] for post in server.posts] == shown
    assert finops("report", "--send") == 0
    assert "nothing is due" in capsys.readouterr().out
    for how in ("--send", "--dry-run"):
        assert finops("report", how, "--date", ago(1)) == 0
        said = capsys.readouterr().out
        assert said.startswith(f"nothing to send of {ago(1)}; {server.url}: delivered ")
    assert finops("report") == 0
    assert key not in out + capsys.readouterr().out


def test_the_skills_first_command_shows_a_day_that_was_sent(
    finops: Finops, book: Book, platform: Start, key: str, capsys: Out
) -> None:
    store(platform(replaces=True).url, api_key(key))
    book({ago(1): 2})
    assert finops("report", "--send") == 0
    skill = ROOT / "skills" / "finops-report" / "SKILL.md"
    first = skill.read_text(encoding="utf-8").split("```")[1].splitlines()[1]
    capsys.readouterr()
    assert finops(*first.split()[1:]) == 0
    assert capsys.readouterr().out.startswith(f"Daily report of {ago(1)}\n")


def test_what_is_kept_or_refused_is_exit_3_and_explained(
    finops: Finops, book: Book, platform: Start, key: str, capsys: Out
) -> None:
    server = platform(acts=deque(["422", "429 after=3600"]))
    store(server.url, api_key(key))
    book({ago(1): 2, ago(2): 3})
    assert finops("report", "--send") == 3
    out = capsys.readouterr().out
    assert f"{ago(2)}  refused  422" in out
    assert f"{ago(1)}  kept  429" in out
    assert f"--date {ago(2)}" in out
    assert finops("report", "--date", ago(2)) == 0
    assert "refused: 422" in capsys.readouterr().out


def test_a_day_reported_by_hand_is_not_sent_again(
    finops: Finops, book: Book, platform: Start, key: str, capsys: Out
) -> None:
    server = platform()
    store(server.url, api_key(key))
    book({ago(1): 2, ago(2): 3})
    assert finops("report", "--delivered") == 2
    assert "takes --date" in capsys.readouterr().err
    assert finops("report", "--date", ago(1), "--delivered") == 0
    assert f"{ago(1)}  delivered" in capsys.readouterr().out
    assert finops("report", "--date", ago(1), "--delivered") == 0
    assert "delivered already" in capsys.readouterr().out
    assert finops("report", "--send") == 0
    assert [post["body"]["date"] for post in server.posts] == [ago(2)]


def test_without_a_key_it_says_how_to_get_one(finops: Finops, book: Book, capsys: Out) -> None:
    book({ago(1): 2})
    assert finops("report", "--send") == 3
    assert "finops connect" in capsys.readouterr().out


def test_a_key_that_others_can_read_is_not_used(
    finops: Finops, book: Book, platform: Start, key: str, capsys: Out
) -> None:
    server = platform()
    store(server.url, api_key(key)).chmod(0o644)
    book({ago(1): 2})
    assert finops("report", "--send", "--json") == 2
    assert "chmod 600" in json.loads(capsys.readouterr().out)["mend"]
    assert server.asked == []
    assert finops("report") == 0
    assert "cannot be sent" in capsys.readouterr().out


def cron(ledger_url: str, server: Any, key: str) -> subprocess.Popen[str]:
    """`python -m finops_pack report --send --json`, as cron runs it."""
    env = {"FINOPS_LEDGER": ledger_url, "FINOPS_API_URL": server.url, "FINOPS_API_KEY": key}
    return subprocess.Popen(
        [sys.executable, "-m", "finops_pack", "report", "--send", "--json"],
        env={**os.environ, **env},
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_two_processes_at_once_send_each_day_once(
    ledger_url: str, book: Book, platform: Start, key: str
) -> None:
    server = platform(delay=0.05)
    days = {ago(n): n for n in range(1, 13)}
    book(days)
    runs = [cron(ledger_url, server, key) for _ in range(3)]
    said = [run.communicate(timeout=60) for run in runs]
    assert server.requests() == days
    assert len(server.posts) == 12
    assert [run.returncode for run in runs] == [0, 0, 0]
    sent = [row["date"] for out, _ in said for row in json.loads(out)["sent"]]
    assert sorted(sent) == sorted(days)
    assert all(key not in out + err for out, err in said)


def test_killed_while_sending_the_next_run_goes_on(
    ledger_url: str, book: Book, platform: Start, key: str
) -> None:
    server = platform(acts=deque(["save hang"]))
    book({ago(1): 2})
    first = cron(ledger_url, server, key)
    while not server.posts:
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    server.freed.set()
    second = cron(ledger_url, server, key)
    out, err = second.communicate(timeout=60)
    assert (second.returncode, server.requests()) == (0, {ago(1): 2}), out + err
