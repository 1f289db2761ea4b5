"""Tasks inside tasks, as the screens and the alerts count them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import finops_pack
from finops_pack import Usage, cli, query, recorder
from finops_pack.query import Period, nested, watching


def spend(tokens: int) -> None:
    usage = Usage(input_tokens=tokens)
    finops_pack.record(model="gpt-4o", provider="openai", usage=usage)  # $2.50 a million


@pytest.fixture(autouse=True)
def work() -> None:
    """Two tickets: of one all calls are in tasks inside it, down to the third level."""
    with finops_pack.task("plain"):
        spend(100_000)
    with finops_pack.task("ticket"):
        with finops_pack.task("search"):
            spend(40_000)
        with finops_pack.task("answer"):
            spend(20_000)
            with finops_pack.task("check"):
                spend(20_000)
    recorder.flush()


def test_a_task_costs_what_the_tasks_inside_it_cost(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["task", "ticket"]) == 0
    assert "task ticket: $0.20, 3 calls, 0.8× the usual $0.25 (n = 1)" in capsys.readouterr().out
    assert cli.main(["task", "answer"]) == 0
    assert "task answer: $0.10, 2 calls, 1.0× the usual $0.10 (n = 1)" in capsys.readouterr().out
    assert cli.main(["task", "ticket", "--json"]) == 0
    against = json.loads(capsys.readouterr().out)["against_others"]
    assert (against["now_tasks"], against["before_tasks"], against["change"]) == (1, 1, -0.2)


def test_the_list_says_what_is_inside(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["task", "--json"]) == 0
    rows = {row["id"]: row for row in json.loads(capsys.readouterr().out)["tasks"]}
    assert {name: row["inside_usd"] for name, row in rows.items()} == {
        "plain": "0", "ticket": "0.2", "search": "0", "answer": "0.05", "check": "0"
    }  # fmt: skip
    assert (rows["check"]["parent"], rows["check"]["usd"]) == ("answer", "0.05")
    assert list(rows)[:2] == ["plain", "ticket"]
    assert cli.main(["task"]) == 0
    assert "+ $0.20" in capsys.readouterr().out


def test_an_alert_weighs_a_task_with_those_inside_it() -> None:
    with query.open() as reader:
        costs = watching._task_costs(reader, Period(None, None))
        assert {one.id: float(one.usd) for one in costs} == {"plain": 0.25, "ticket": 0.2}


def test_calls_of_one_moment_are_shown_in_the_order_of_their_log(tmp_path: Path) -> None:
    log, named = tmp_path / "calls.jsonl", [f"t/{n}" for n in (8, 9, 10, 11)]
    told = {"time": "2026-01-02T03:04:05Z", "model": "gpt-4o", "usage": {}, "task": "log"}
    log.write_text("".join(json.dumps({"id": name, **told}) + "\n" for name in named))
    assert cli.main(["import", "jsonl", str(log)]) == 0
    with query.open() as reader:
        assert [call.id for call in nested.opened(reader, "log").calls] == named
