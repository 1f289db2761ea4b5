"""The reading commands: documents, tables, exit codes, and what stands where nothing is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finops_pack import Usage, cli, config, rates, recorder
from finops_pack.cli import spend as spend_command
from finops_pack.ledger import open_ledger

READING = (
    "overview", "budget", "spend", "task", "waste", "forensics", "cache", "score", "trend",
    "levers", "reprice",
)  # fmt: skip
TOTAL = {
    "calls", "requests", "input_tokens", "cache_read_tokens", "cache_write_5m_tokens",
    "cache_write_1h_tokens", "output_tokens", "reasoning_tokens", "cost_usd", "unpriced_calls",
    "unpriced_tokens", "partial_calls", "invalid_calls", "unseen_calls", "estimated_calls",
    "errors", "extra_attempts",
}  # fmt: skip


@pytest.mark.parametrize("command", READING)
def test_an_absent_ledger_is_said_to_be_absent(
    command: str, finops: Callable[..., Any], empty_home: Path
) -> None:
    said = finops(command)
    assert said.code == 0
    assert "nothing recorded yet" in said.out
    assert "does not exist yet" in said.out
    assert "$0" not in said.out
    assert not list(empty_home.rglob("*.db")), "reading makes no ledger"


@pytest.mark.parametrize("command", [*READING, "alerts", "statusline", "report"])
def test_the_document_of_an_absent_ledger_says_so_too(
    command: str, finops: Callable[..., Any], empty_home: Path
) -> None:
    said = finops(command, "--json")
    body = said.json["budget"] if command == "overview" else said.json
    assert (said.code, "nothing recorded yet" in body["nothing"]) == (0, True)


@pytest.mark.parametrize("command", READING)
def test_a_ledger_out_of_reach_is_exit_code_3(
    command: str, finops: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "broken.db").write_text("x" * 5000)
    url = str(tmp_path / "broken.db")
    said = finops(command, "--json", "--ledger", url)
    assert said.code == 3
    assert said.json["schema"] == "finops.error"
    assert said.json["code"] == "ledger_unreachable"
    plain = finops(command, "--ledger", url)
    assert (plain.code, plain.out) == (3, "")
    assert "broken.db" in plain.err


@pytest.mark.parametrize("command", READING)
def test_documents_name_schema_and_version(
    command: str, finops: Callable[..., Any], week: Path
) -> None:
    said = finops(command, "--json")
    assert said.code == 0
    assert said.json["schema"].startswith("finops.")
    assert said.json["version"] == 1
    assert list(said.json)[:2] == ["schema", "version"]


def test_spend_document(finops: Callable[..., Any], week: Path) -> None:
    body = finops("spend", "--json", "--last", "30d").json
    assert set(body["total"]) == TOTAL
    rows = {row["key"]: row for row in body["rows"]}
    assert all(set(row) == TOTAL | {"key"} for row in body["rows"])
    assert rows["claude-sonnet-4-5"]["calls"] == 96
    assert rows["house-llm"]["cost_usd"] is None, "unpriced is never $0"
    assert rows["house-llm"]["unpriced_calls"] == 2
    amounts = [Decimal(row["cost_usd"]) for row in body["rows"] if row["cost_usd"]]
    assert sum(amounts) == Decimal(body["total"]["cost_usd"]) == Decimal("4.320000000144")
    assert body["subscription"]["calls"] == 8
    assert body["subscription"]["basis"] == "list equivalent"
    assert body["since"].endswith("Z")


@pytest.mark.parametrize("by", [*spend_command.GROUPS, "tag:customer", "tag:absent"])
def test_every_group_sums_to_the_same(by: str, finops: Callable[..., Any], week: Path) -> None:
    body = finops("spend", "--by", by, "--json", "--last", "30d").json
    assert body["total"]["calls"] == 146
    if not by.startswith("tag:") and by != "billing_mode":
        assert sum(row["calls"] for row in body["rows"]) == 146
    assert finops("spend", "--by", by).code == 0


def test_spend_narrowed(finops: Callable[..., Any], week: Path) -> None:
    assert finops("spend", "--json", "--task", "ticket-0-1").json["total"]["calls"] == 3
    said = finops("spend", "--project", "nowhere")
    assert "no calls of project nowhere" in said.out
    assert "$0" not in said.out


def test_spend_table_marks_what_it_does_not_know(finops: Callable[..., Any], week: Path) -> None:
    lines = finops("spend", "--last", "30d").out.splitlines()
    row = next(line for line in lines if "house-llm" in line)
    assert row.endswith("unpriced*")
    assert next(line for line in lines if "total" in line).endswith("$4.32~*")
    assert "~ tokens of 8 calls are estimated" in lines
    assert any(line.startswith("* not wholly in the amount: 2 without a price") for line in lines)
    assert "flat plans: 8 calls, $0.24 list equivalent (not money spent)" in lines
    assert max(map(len, lines)) <= 80


def test_bad_usage_is_exit_code_2(finops: Callable[..., Any], week: Path) -> None:
    for words in (
        ("spend", "--by", "mood"),
        ("spend", "--last", "yesterday"),
        ("spend", "--since", "2026-13-01"),
        ("spend", "--last", "7d", "--since", "2026-01-01"),
        ("budget", "check"),
        ("budget", "check", "--cost", "much"),
        ("budget", "set"),
        ("budget", "set", "5 EUR/day"),
        ("budget", "rm", "nowhere"),
        ("task", "nobody"),
        ("spend", "--ledger", "ftp://example.org/x"),
    ):
        said = finops(*words, "--json")
        assert said.code == 2, words
        assert said.json["schema"] == "finops.error", words
        assert finops(*words).err.startswith("finops: "), words


def test_the_screen(finops: Callable[..., Any], week: Path) -> None:
    finops("budget", "set", "5 USD/day")
    said = finops()
    assert said.code == 0
    rows = ("7 days ", "month ", "per task ", "waste ", "score ", "coverage ")
    for label in ("5 USD/day:", "spent ", *rows):
        assert label in said.out, label
    assert re.search(r"9[89][.0-9]*% of calls priced", said.out)
    body = finops("--json").json
    assert body["schema"] == "finops.overview"
    assert body["forecast"]["interval"] == "80%"
    assert body["budget"]["limit_usd"] == "5"


def test_a_day_without_calls_has_its_place_among_the_seven(
    finops: Callable[..., Any], tmp_path: Path
) -> None:
    path = str(tmp_path / "gap.db")
    ledger = open_ledger(path)
    now_us = time.time_ns() // 1000
    for days in (0, 4):
        one = {
            "type": "call",
            "id": f"{days}",
            "start_us": now_us - days * 86_400_000_000,
            "model": "m",
        }
        ledger.book([{**one, "cost_pico": 10**12, "cost_state": "priced", "input_tokens": 1}])
    ledger.close()
    (row,) = [
        row for row in finops("overview", "--ledger", path).out.splitlines() if row[:7] == "7 days "
    ]
    assert row.split()[2] == "█▁▁▁█"


def test_why_nothing_cost_what_it_did_is_a_task_without_calls(
    finops: Callable[..., Any], empty_home: Path
) -> None:
    said = finops("task", "--why", "--json")
    assert (said.code, said.json["schema"], said.json["calls"]) == (0, "finops.task", [])
    assert (said.json["task"], said.json["usd"]) == (None, None)
    assert "nothing recorded yet" in said.json["nothing"]


def test_task_tree_and_why(finops: Callable[..., Any], week: Path) -> None:
    said = finops("task", "ticket-0-1", "--why").out.splitlines()
    assert said[0].startswith("task ticket-0-1: $0.09, 3 calls, 1.0× the usual $0.09")
    assert [len(line) - len(line.lstrip()) for line in said[1:4]] == sorted(
        len(line) - len(line.lstrip()) for line in said[1:4]
    ), "children stand under their parent"
    body = finops("task", "ticket-0-1", "--json").json
    assert body["against_others"]["now_tasks"] == 1
    assert body["schema"] == "finops.task"
    assert [call["id"] for call in body["calls"]] == ["0-1-0", "0-1-1", "0-1-2"]
    assert Decimal(body["usd"]) == Decimal("0.090000000003")


def test_output_survives_a_closed_pipe_and_a_poor_terminal(week: Path) -> None:

    root = Path(cli.__file__).parent.parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "finops_pack", "budget", "set", "5 USD/day"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    done = subprocess.run(command[:-2], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "5 USD/day" in done.stdout
    screen = subprocess.run(command[:3], env=environment, capture_output=True, text=True)
    assert re.search(r"^7 days +[_.:=+*#-]{2,}  2", screen.stdout, re.MULTILINE), screen.stdout
    assert re.search(r"USD/day: [#.]{10} ", screen.stdout)
    assert "?" not in screen.stdout
    named = [*command[:3], "budget", "set", "5 USD/day project=Müller", "--json"]
    told = subprocess.run(named, env=environment, check=True, capture_output=True, text=True)
    assert "Müller" in str(json.loads(told.stdout))
    line = f"{sys.executable} -m finops_pack spend --by task --limit 9999 | head -1"
    piped = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], env=environment, capture_output=True, text=True
    )
    assert piped.stderr == ""


def test_json_is_one_document_whatever_the_terminal(
    finops: Callable[..., Any], week: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert json.loads(finops("spend", "--json").out)["schema"] == "finops.spend"


@pytest.mark.parametrize("command", ["waste", "levers", "forensics"])
def test_sentences_wrap_between_words_on_a_terminal(
    command: str, finops: Callable[..., Any], week: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = finops(command, "--last", "30d").out.split()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "64")
    monkeypatch.setenv("TERM", "dumb")  # tables as they are in a pipe
    shown = finops(command, "--last", "30d").out
    assert shown.split() == words
    assert all(len(line) <= 64 or "  " in line.strip() for line in shown.splitlines())


def test_flat_plans_are_shown_when_asked_for(finops: Callable[..., Any], week: Path) -> None:
    body = finops("spend", "--json", "--last", "30d", "--billing", "subscription").json
    assert body["total"]["calls"] == 8
    for command in ("waste", "task", "cache", "score", "trend", "levers", "forensics", "reprice"):
        assert finops(command, "--json", "--last", "30d", "--billing", "subscription").code == 0


def test_a_task_of_a_flat_plan_is_found_as_the_list_says(
    finops: Callable[..., Any], week: Path
) -> None:
    listed = finops("task", "--last", "30d", "--billing", "subscription")
    assert "ticket-0-7" in listed.out
    for words in (("ticket-0-7",), ("--why", "--last", "30d", "--billing", "subscription")):
        said = finops("task", *words)
        assert said.code == 0
        assert "list equivalent" in said.out.splitlines()[0]
    assert "with --billing" not in finops("forensics", "--billing", "subscription").out


@pytest.mark.parametrize("command", ["waste", "score", "cache", "trend", "task"])
def test_dollars_of_flat_plans_are_said_to_be_no_money(
    command: str, finops: Callable[..., Any], week: Path
) -> None:
    apart = "list equivalent of flat plans, not money spent"
    plans = finops(command, "--last", "30d", "--billing", "subscription").out
    assert apart in plans.splitlines()[-1]
    assert apart not in finops(command, "--last", "30d").out


@pytest.mark.parametrize("command", ["waste", "score", "cache", "trend", "levers"])
def test_what_has_no_price_is_said_to_be_in_no_figure(
    command: str, finops: Callable[..., Any], week: Path
) -> None:
    last = finops(command, "--last", "30d").out.splitlines()[-1]
    assert last.startswith("* 2 of 146 calls have no price: not in these dollars")
    assert "have no price" not in finops(command, "--last", "30d", "--project", "plan").out


def test_a_list_of_tasks_says_what_it_leaves_out(finops: Callable[..., Any], week: Path) -> None:
    said = finops("task", "--last", "30d").out
    assert "… and 34 more; all of them: finops task --last 30d --json" in said


def test_a_task_without_a_price_does_not_cost_0(finops: Callable[..., Any], week: Path) -> None:
    (row,) = [
        line for line in finops("task", "--last", "12h").out.splitlines() if "ticket-0-8" in line
    ]
    assert row.split()[:2] == ["ticket-0-8", "unpriced"]
    said = finops("task", "ticket-0-8", "--why").out
    assert said.startswith("task ticket-0-8: unpriced, 2 calls; ")
    assert finops("task", "ticket-0-8", "--json").json["usd"] is None
    listed = finops("task", "--last", "12h", "--json").json["tasks"]
    assert [one["usd"] for one in listed if one["id"] == "ticket-0-8"] == [None]
    said = finops("trend", "--task", "ticket-0-8").out
    assert said.startswith("* 2 of 2 calls have no price")


def test_days_stand_in_their_order(finops: Callable[..., Any], week: Path) -> None:
    days = [row["key"] for row in finops("spend", "--by", "day", "--json").json["rows"]]
    assert days == sorted(days, reverse=True)
    assert len(days) > 2


@pytest.fixture
def own_tables(empty_home: Path) -> Iterator[None]:
    """What a test says of prices is forgotten after it."""
    yield
    rates.reload()


def test_what_had_no_price_was_not_booked_at_0(
    finops: Callable[..., Any], week: Path, own_tables: None
) -> None:
    assert finops("rates", "alias", "house-llm=gpt-4o").code == 0
    (line,) = [row for row in finops("reprice").out.splitlines() if "house-llm" in row]
    assert line.split()[:3] == ["house-llm", "2", "unpriced"]
    assert "a price is on file by now" in finops("doctor").out


@pytest.mark.parametrize("columns", [120, 40])
def test_no_terminal_is_too_narrow_for_a_figure(week: Path, columns: int) -> None:
    command = f"{sys.executable} -m finops_pack spend --last 30d"
    line = f"stty cols {columns}; {command}"
    done = subprocess.run(["script", "-qec", line, "/dev/null"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False,
                          env={**os.environ, "TERM": "xterm"})  # fmt: skip
    for figure in ("claude-sonnet-4-5", "96", "1.2M", "768k", "$2.88", "unpriced*"):
        assert figure in done.stdout


def test_one_is_not_spoken_of_as_many(finops: Callable[..., Any]) -> None:
    recorder.record(model="gpt-4o", provider="openai", usage=Usage(1000, 10))
    recorder.flush()
    assert "insufficient data: 1 call and $" in finops("score").out
    assert "over the last 10 minutes (1 call)" in finops("watch", "--once").out
    recorder.record(model="unheard of", usage=Usage(1000, 10))
    recorder.flush()
    assert "* 1 of 2 calls has no price" in finops("score").out


@pytest.fixture
def mixed(empty_home: Path) -> None:
    """Of ten calls one has no price, one an impossible count and two a price in part."""
    line = {"type": "call", "start_us": time.time_ns() // 1000, "model": "m", "input_tokens": 10,
            "task": "t"}  # fmt: skip
    none = {"cost_pico": None, "cost_state": "unpriced"}
    kinds: list[dict[str, Any]] = [
        none, {**none, "problems": ["reasoning_tokens"]},
        *[{"cost_pico": 10**12, "cost_state": "partial", "missing": ["image"]}] * 2,
        *[{"cost_pico": 10**12, "cost_state": "priced"}] * 6,
        {**none, "billing_mode": "subscription"},
    ]  # fmt: skip
    ledger = open_ledger(config.load().ledger)
    ledger.book([{**line, "id": str(n), **kind} for n, kind in enumerate(kinds)])
    ledger.close()


def test_every_screen_counts_the_same_calls_as_not_wholly_in_the_amount(
    finops: Callable[..., Any], mixed: None
) -> None:
    spend = finops("spend").out
    assert "1 without a price, 2 priced in part, 1 with invalid counts; names" in spend
    assert "1 call, $0 list equivalent (not money spent; 1 without a price)" in spend
    screen = finops().out
    assert "60% of calls priced" in screen, "as the report and the dashboard say"
    for said in (screen, finops("budget").out):
        assert "(2 without a price, not in it; 2 priced in part)" in said
    assert finops("budget", "--json").json["partial_calls"] == 2
    assert "2 of 10 calls have a price in part: the rest is not" in finops("score").out
    assert "2 unpriced this month" in finops("statusline").out


def test_a_task_is_marked_as_its_spend_is(finops: Callable[..., Any], mixed: None) -> None:
    ledger = open_ledger(config.load().ledger)
    line = {"type": "call", "model": "m", "cost_pico": 10**12, "cost_state": "priced",
            "start_us": time.time_ns() // 1000, "usage_basis": "estimated"}  # fmt: skip
    ledger.book([{**line, "id": "e", "task": "guessed"}, {**line, "id": "f", "task": "t"}])
    ledger.close()
    for command in (("task",), ("spend", "--by", "task")):
        said = finops(*command).out
        assert re.search(r"^  guessed .*\$1\.00~( |$)", said, re.MULTILINE)
        assert re.search(r"^  t .*\$9\.00~\*( |$)", said, re.MULTILINE)
    assert "* what has no price is not in the amount" in finops("task").out
    head = finops("task", "t").out.splitlines()[0]
    assert "(2 without a price, not in it; 2 priced in part; 1 estimated)" in head


def test_a_bill_gives_an_impossible_count_its_amount(
    finops: Callable[..., Any], empty_home: Path
) -> None:
    ledger = open_ledger(config.load().ledger)
    ledger.book([{"type": "call", "id": "b", "start_us": time.time_ns() // 1000, "model": "m",
                  "billed_pico": 10**12, "cost_pico": 10**12, "cost_state": "priced",
                  "problems": ["reasoning_tokens"]}])  # fmt: skip
    ledger.close()
    assert "not wholly" not in finops("spend").out
