"""`finops statusline` and `finops watch`."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

import finops_pack
from finops_pack import cli, config, recorder
from finops_pack.cli import statusline


@pytest.fixture
def spent(empty_home: Path) -> None:
    finops_pack.track(budget="5 USD/day")
    for _ in range(2):
        finops_pack.record(
            model="gpt-4o", provider="openai", agent="coder", usage=finops_pack.Usage(100_000, 100)
        )
    finops_pack.flush()
    recorder.close()


def test_statusline_is_one_line(
    spent: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINOPS_BUDGET", "5 USD/day")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert cli.main(["statusline"]) == 0
    text = capsys.readouterr().out
    assert text.count("\n") == 1
    assert "$0.50 today" in text


def test_statusline_says_by_how_much_a_budget_is_exceeded(
    spent: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINOPS_BUDGET", "0.20 USD/day")
    config.reload()  # which a thread of the agent before may have read
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert cli.main(["statusline"]) == 0
    assert "over by $0.30 of 0.2 USD/day" in capsys.readouterr().out
    for shown in ([], ["list"]):
        assert cli.main(["budget", *shown]) == 0
        assert "over by $0.30" in capsys.readouterr().out


def test_a_flat_plan_is_told_with_its_period_and_where_it_is_seen(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    usage = finops_pack.Usage(200_000)
    finops_pack.record(model="gpt-4o", provider="openai", usage=usage, billing_mode="subscription")
    finops_pack.flush()
    assert cli.main(["statusline"]) == 0
    assert capsys.readouterr().out == "$0 today | $0.50 list equivalent this month\n"
    assert cli.main([]) == 0
    assert "show them with finops spend --billing subscription" in capsys.readouterr().out
    assert cli.main(["spend", "--billing", "subscription"]) == 0


def test_statusline_names_the_agents_model(
    spent: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(statusline, "_agent", lambda: {"model": {"display_name": "Sonnet"}})
    cli.main(["statusline"])
    assert capsys.readouterr().out.startswith("Sonnet | ")


def test_statusline_says_that_nothing_is_recorded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert cli.main(["statusline"]) == 0
    assert "nothing recorded yet" in capsys.readouterr().out


def test_watch_shows_the_rate_and_the_last_calls(
    spent: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["watch", "--once"]) == 0
    text = capsys.readouterr().out
    assert "burn rate $3.01 an hour" in text
    assert text.count("coder") == 2
    cli.main(["watch", "--json"])
    assert json.loads(capsys.readouterr().out)["usd_per_hour"].startswith("3.0")


def test_watch_says_amounts_as_all_documents_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["watch", "--json", "--ledger", str(tmp_path / "none.db")])
    assert json.loads(capsys.readouterr().out)["usd_per_hour"] == "0"
