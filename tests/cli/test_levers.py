"""`finops levers`: from a recommendation to the saving that was measured."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from finops_pack import Usage, cli, config, recorder
from finops_pack.ledger import open_ledger

NOW = datetime.now(UTC)


def jobs(count: int, days_ago: float, tokens: int, **fields: Any) -> None:
    """Unattended tasks of one call, an hour apart."""
    for n in range(count):
        start = NOW - timedelta(days=days_ago) + timedelta(hours=n)
        recorder.record(
            model="claude-sonnet-4-5", provider="anthropic", task=f"{days_ago}/{n}", action="sort",
            project="mail", trigger="cron", usage=Usage(input_tokens=tokens, output_tokens=9),
            start_us=int(start.timestamp() * 1e6), **fields,
        )  # fmt: skip
    recorder.flush()


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert cli.main(["levers", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def batch(capsys: pytest.CaptureFixture[str]) -> Any:
    [lever] = [row for row in told(capsys)["levers"] if row["lever"] == "batch"]
    return lever


def accepted_days_ago(lever: str, days: float) -> None:
    """As if it had been accepted earlier."""
    ledger = open_ledger(config.load().ledger)
    body = ledger.documents("lever")[lever]
    ledger.put("lever", lever, {**body, "accepted_at": (NOW - timedelta(days=days)).isoformat()})
    ledger.close()


@pytest.mark.parametrize(
    ("ago", "span", "as_now"),
    [(1.4, "1.4 days", "these 1.4 days were"), (1.02, "1 day", "this day was")],
)
def test_each_screen_says_the_same_of_the_days_behind_a_lever(
    capsys: pytest.CaptureFixture[str], ago: float, span: str, as_now: str
) -> None:
    jobs(4, ago, 100_000)
    for command, text in (("overview", f"from {span})"), ("levers", f"Estimated from {span}.")):
        assert cli.main([command]) == 0
        said = capsys.readouterr().out
        assert text in said
    assert f"a month as {as_now};" in said


def test_a_lever_is_accepted_and_its_saving_measured(capsys: pytest.CaptureFixture[str]) -> None:
    jobs(20, 6, 100_000)
    lever = batch(capsys)
    assert cli.main(["levers", "--last", "30d"]) == 0
    shown = capsys.readouterr().out
    assert f"; effort: {lever['effort']}; assumes: " in shown
    assert "finops levers accept ID --last 30d\n" in shown, "or it may not be found"
    assert cli.main(["levers", "accept", lever["id"]]) == 0
    capsys.readouterr()
    [early] = told(capsys, "--done")["levers"]
    assert (early["measured_saving_usd"], early["baseline_tasks"]) == (None, 20)

    assert cli.main(["levers", "--done"]) == 0
    shown = capsys.readouterr().out
    assert f"accepted {NOW:%Y-%m-%d}\n" in shown
    assert "measured nothing yet: 5 tasks before and 5 since are needed" in shown

    accepted_days_ago(lever["id"], 4)
    jobs(10, 3, 50_000)
    jobs(10, 2, 900_000, billing_mode="subscription")  # nobody pays for these one by one
    [row] = told(capsys, "--done")["levers"]
    assert (row["tasks"], row["baseline_tasks"], row["new_tasks"]) == (10, 20, 0)
    # ten tasks at $0.15 less each within four days
    assert Decimal(row["measured_saving_usd"]) == pytest.approx(
        Decimal("11.25"), rel=Decimal("0.01")
    )
    assert Decimal(row["low_usd"]) <= Decimal(row["measured_saving_usd"])
    assert row["estimated_saving_usd"] == lever["estimated_saving_usd"]

    assert cli.main(["levers", "--done"]) == 0
    shown = capsys.readouterr().out
    assert "measured $11.2" in shown  # the days since then have gone on by seconds
    assert "n = 10 tasks since, 20 before" in shown


def test_one_that_is_not_there_cannot_be_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    jobs(5, 2, 100_000)
    assert cli.main(["levers", "accept", "lev_000000000000"]) == 2
    assert told(capsys, "--done")["levers"] == []
