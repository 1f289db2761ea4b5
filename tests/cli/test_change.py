"""The commands that change something: budgets and prices."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finops_pack import cli, config, query
from finops_pack.cli import rates
from finops_pack.ledger import open_ledger

ROOT = Path(cli.__file__).parent.parent.parent


def test_a_budget_from_set_to_rm(finops: Callable[..., Any], week: Path) -> None:
    said = finops("budget", "set", "1 USD/month", "--unpriced", "warn")
    assert said.out.startswith("set 1 USD/month (hard")
    listed = finops("budget", "list", "--json").json["budgets"]
    assert [line["id"] for line in listed] == ["month:everything"]
    shown = finops("budget").out
    assert "1 USD/month: " in shown
    assert "over by $" in shown
    assert finops("budget", "rm", "month:everything").code == 0
    assert "no budget is set" in finops("budget").out


def test_a_budget_needs_no_quotes(finops: Callable[..., Any], week: Path) -> None:
    said = finops("budget", "set", "2", "USD/week", "soft", "project=shop", "--unpriced", "warn")
    assert said.out.startswith("set 2 USD/week soft project=shop (soft")
    assert "'5 EUR/day' is not a budget" in finops("budget", "set", "5", "EUR/day").err


def test_a_new_amount_replaces_the_old(finops: Callable[..., Any], week: Path) -> None:
    finops("budget", "set", "1 USD/day")
    finops("budget", "set", "2 USD/day soft")
    (line,) = finops("budget", "list", "--json").json["budgets"]
    assert (line["limit_usd"], line["hard"]) == ("2", False)


def test_a_budget_that_a_newer_version_has_set_hides_no_other(
    finops: Callable[..., Any], week: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(open_ledger(str(week))) as ledger:
        ledger.put("budget", "quarter:everything", {"limit_usd": "5", "window": "quarter"})
    finops("budget", "set", "5000 USD/day")
    assert [line["spec"] for line in finops("budget", "--json").json["budgets"]] == ["5000 USD/day"]
    assert finops("budget", "check", "--cost", "1", "--json").json["allowed"]
    assert "budget 'quarter:everything' of sqlite:///" in caplog.text
    assert "; mend: if a newer version set it, pip install --upgrade " in caplog.text


def test_a_budget_of_the_settings_is_said_to_come_first(
    finops: Callable[..., Any], week: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINOPS_BUDGET", "5 USD/day")
    config.reload()
    refused = finops("budget", "rm", "day:everything")
    assert refused.code == 2
    assert "mend: it stands in FINOPS_BUDGET: take it out there" in refused.err
    said = finops("budget", "set", "9 USD/day").out.splitlines()
    assert said[1:] == ["not in force here: the one in FINOPS_BUDGET comes before it"]
    assert "not in force" not in finops("budget", "set", "9 USD/week").out
    assert "5 USD/day: " in finops("budget").out
    assert finops("budget", "rm", "day:everything").code == 0, "the ledger's"
    monkeypatch.setenv("FINOPS_BUDGET", "five dollars")
    config.reload()
    assert finops("budget", "set", "9 USD/day").out.count("\n") == 1


def test_a_refresh_without_an_origin_is_told_the_one_of_the_pages(
    finops: Callable[..., Any],
) -> None:
    from genai_prices import update_prices

    said = finops("rates", "refresh")
    assert said.code == 2
    assert f"mend: finops rates refresh --from {rates.PUBLISHED} (or a file" in said.err
    assert rates.PUBLISHED in (ROOT / "docs" / "prices.md").read_text()
    assert rates.PUBLISHED in Path(update_prices.__file__).read_text(), "as they themselves do"


def test_check_answers_in_the_documented_shape(finops: Callable[..., Any], week: Path) -> None:
    finops("budget", "set", "100 USD/day")
    body = finops("budget", "check", "--cost", "0.40", "--json").json
    assert body["allowed"] is True
    assert body["limit_usd"] == "100"
    assert body["window"] == "day"
    assert body["advice"] is None
    assert Decimal(body["remaining_usd"]) < 100
    assert "runs_out_at" in body
    refused = finops("budget", "check", "--cost", "400")
    assert refused.code == 0, "an agent reads anything else as a broken command"
    assert refused.out.startswith("no: $400.00; $99.")
    assert finops("budget", "check", "--cost", "400", "--fail-over").code == 1


def test_fail_over_is_for_ci(finops: Callable[..., Any], week: Path) -> None:
    finops("budget", "set", "1 USD/month")
    assert finops("budget").code == 0
    assert finops("budget", "--fail-over").code == 1
    assert finops("budget", "--fail-over", "10000").code == 0


def test_a_budget_on_an_absent_ledger(finops: Callable[..., Any]) -> None:
    assert finops("budget", "set", "5 USD/day").code == 0
    said = finops("budget").out.splitlines()
    assert said[0].startswith("5 USD/day: ")
    assert "is empty" in said[1]
    assert len(said) <= 5


def test_reprice_shows_first_then_applies_and_leaves_bills_alone(
    finops: Callable[..., Any], week: Path
) -> None:
    ledger = open_ledger(str(week))
    ledger.book([{"type": "amend", "id": "0-0-0", "billed_pico": 7 * 10**12, "billed_source": "x"}])
    ledger.close()
    before = finops("spend", "--json", "--last", "30d").json["total"]["cost_usd"]
    shown = finops("reprice", "--json").json
    assert shown["applied"] == 0
    assert {row["model"] for row in shown["rows"]} == {"claude-sonnet-4-5", "gpt-4o"}
    assert finops("spend", "--json", "--last", "30d").json["total"]["cost_usd"] == before
    assert "apply it with: finops reprice --yes" in finops("reprice").out

    applied = finops("reprice", "--yes", "--json").json
    assert applied["applied"] == sum(row["calls"] for row in applied["rows"]) == 152
    after = finops("spend", "--json", "--last", "30d").json["total"]["cost_usd"]
    assert Decimal(after) - Decimal(before) == Decimal(applied["change_usd"])
    assert finops("reprice", "--json").json["rows"] == []
    with query.open(str(week)) as reader:
        assert not reader.problems(), "sums still hold"
        (billed,) = [call for call in reader.calls(query.Period(None, None)) if call.billed_pico]
        assert billed.amount_usd == 7


def test_a_call_of_unknown_usage_is_said_to_be_that_and_never_repriced(
    finops: Callable[..., Any], week: Path
) -> None:
    unseen = {"usage_basis": "unknown", "status": "unknown", "missing": ["usage"]}
    call = {"type": "call", "id": "u", "model": "gpt-4o", "start_us": time.time_ns() // 1000}
    ledger = open_ledger(str(week))
    ledger.book([{**call, **unseen, "cost_state": "unpriced"}])
    ledger.close()
    assert finops("reprice", "--yes").code == 0
    assert "1 of unknown usage" in finops("spend", "--last", "1d").out
    assert "1 of unknown usage, not in it" in finops("budget").out
    with query.open(str(week)) as reader:
        (alert,) = [alert for alert in reader.alerts() if alert.key.startswith("unpriced_models")]
    assert "house-llm" in alert.message
    assert "gpt-4o" not in alert.message


def test_what_was_refused_and_cost_nothing_is_no_change_of_price(
    finops: Callable[..., Any], week: Path
) -> None:
    finops("reprice", "--yes")
    call = {"type": "call", "id": "r", "model": "gpt-4o", "start_us": time.time_ns() // 1000}
    with closing(open_ledger(str(week))) as ledger:
        ledger.book([{**call, "status": "error", "cost_pico": 0, "cost_state": "priced"}])
    assert finops("reprice", "--json").json["rows"] == []


def test_reprice_narrowed_to_a_period(finops: Callable[..., Any], week: Path) -> None:
    said = finops("reprice", "--last", "1d", "--json").json
    assert 0 < sum(row["calls"] for row in said["rows"]) < 152
    shown = finops("reprice", "--last", "1d").out
    assert shown.endswith("apply it with: finops reprice --last 1d --yes\n"), "and nothing older"


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_on_a_terminal_tables_fit_and_a_person_is_asked(week: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "60", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "finops_pack"]
    master, slave = pty.openpty()
    done = subprocess.Popen(
        [*command, "reprice"], stdin=slave, stdout=slave, stderr=slave, env=environment
    )
    os.close(slave)
    os.write(master, b"n\n")
    said = _all(master)
    assert done.wait(30) == 0
    assert "apply? [y/N]" in said
    assert "nothing was changed" in said
    table = said[: said.index("apply?")].splitlines()
    assert max(map(len, table)) <= 60
    assert any("claude-sonnet-4-5" in line for line in table)


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_ctrl_d_at_a_question_is_no_fault_of_ours(week: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "finops_pack", "reprice"]
    done = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    os.write(master, b"\x04")
    said = _all(master)
    assert done.wait(30) == 130
    assert "apply? [y/N]" in said
    assert "Traceback" not in said


def _all(master: int) -> str:
    """Everything that was written to the terminal, without its colours."""
    said = b""
    while True:
        try:
            said += os.read(master, 4096)
        except OSError:  # Linux says so when the other side is closed
            break
    os.close(master)
    return re.sub(r"\x1b\[[0-9;]*m", "", said.decode())
