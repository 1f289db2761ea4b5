"""Each way to set a budget, each window and scope, the thresholds."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import finops_pack
from finops_pack import cli, config, recorder
from finops_pack.budgets import parse
from finops_pack.errors import BudgetExceeded, ConfigError
from finops_pack.gate import _limits
from finops_pack.gate._limits import zone_of
from finops_pack.ledger import open_ledger
from finops_pack.model import Usage

FULL = Usage(1000, 200, 600)  # $0.00375 on gpt-4o
HELLO = [{"role": "user", "content": "hello"}]


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


def test_a_budget_that_was_raised_has_its_thresholds_anew(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_limits, "FRESH_SECONDS", 0)
    assert finops("budget", "set", "0.0075 USD/day soft") == 0
    for _ in range(2):
        call()
    assert finops("budget", "set", "0.013 USD/day soft") == 0
    for _ in range(2):
        call()
    told = [text.split(" % used")[0].split()[-1] for text in caplog.messages if "% used" in text]
    assert told == ["50", "100", "80", "100"]


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


def test_a_budget_that_holds_nothing_is_named_without_the_ledgers_password(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_limits, "FIRST_SECONDS", 30.0)
    with closing(open_ledger(postgres_url)) as ledger:
        ledger.put("budget", "quarter:everything", {"limit_usd": "5", "window": "quarter"})
    finops_pack.track(ledger=postgres_url.replace("@", ":hunter2@"), budget="5 USD/day")
    call()
    assert "budget 'quarter:everything' of postgresql://" in caplog.text
    assert "hunter2" not in caplog.text
