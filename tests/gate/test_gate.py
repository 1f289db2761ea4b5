"""The gate holds: over processes, unpriced calls, unreachable ledgers, retries and fallbacks."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import finops_pack
from finops_pack import config, recorder
from finops_pack.budgets import parse
from finops_pack.errors import BudgetExceeded, BudgetStop
from finops_pack.ledger import Reservation, open_ledger
from finops_pack.model import Usage, Where

FULL = Usage(1000, 200, 600, reasoning_tokens=50)  # $0.00375 on gpt-4o
HELLO = [{"role": "user", "content": "hello"}]


def track(*budgets: str, **options: Any) -> recorder.Recorder:
    finops_pack.track(budget=budgets or None, **options)
    return recorder.get()


def call(rec: recorder.Recorder, usage: Usage = FULL, **fields: Any) -> None:
    fields = {"model": "gpt-4o", "provider": "openai", "messages": HELLO, **fields}
    rec.begin(**fields).finish(usage)


def spent() -> Decimal:
    finops_pack.flush()
    ledger = open_ledger(config.load().ledger)
    try:
        rows = ledger.totals(None, Where())
        return rows[0].usd if rows else Decimal(0)
    finally:
        ledger.close()


def test_calls_pass_until_the_limit_and_then_none(empty_home: Path) -> None:
    rec = track("0.03 USD/day")
    made = 0
    with pytest.raises(BudgetExceeded) as caught:
        for _ in range(20):
            call(rec)
            made += 1
    assert 4 <= made <= 8
    assert spent() == made * Decimal("0.00375")
    refused = caught.value
    assert (refused.reason, refused.window, refused.limit_usd) == (
        "exceeded",
        "day",
        Decimal("0.03"),
    )
    assert refused.resets_at is not None
    assert "0.03 USD per day" in str(refused)


def test_no_budget_no_ledger_touched_by_the_gate(empty_home: Path) -> None:
    rec = track()
    call(rec)
    assert rec._gate._store.held is None


def test_a_budget_set_in_the_ledger_is_seen_by_a_running_process(empty_home: Path) -> None:
    from finops_pack import admin

    admin.set_budget(None, "0.002 USD/day")
    with pytest.raises(BudgetExceeded):
        call(track())


def test_soft_budgets_warn_and_let_pass(empty_home: Path, caplog: pytest.LogCaptureFixture) -> None:
    rec = track("0.001 USD/day soft")
    call(rec)
    call(rec)
    assert sum("100 % used" in text for text in caplog.messages) == 1


@pytest.mark.parametrize(("unpriced", "passes"), [("refuse", False), ("warn", True)])
def test_unpriced_calls_are_refused_with_the_mend_or_warned_of(
    empty_home: Path, unpriced: str, passes: bool, caplog: pytest.LogCaptureFixture
) -> None:
    from finops_pack import admin

    admin.set_budget(None, "5 USD/day", unpriced=unpriced)
    rec = track()
    if passes:
        call(rec, model="my-deployment", provider=None)
        assert "finops rates alias my-deployment=" in caplog.text
        return
    with pytest.raises(BudgetExceeded) as caught:
        call(rec, model="my-deployment", provider=None)
    assert caught.value.reason == "unpriced"
    assert "finops rates alias my-deployment=" in str(caught.value)
    with pytest.raises(BudgetExceeded, match="name the model where it is made"):
        call(rec, model="", provider=None)


@pytest.mark.parametrize(("setting", "passes"), [("refuse", False), ("allow", True)])
def test_an_unreachable_ledger_refuses_unless_allowed(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch, setting: str, passes: bool
) -> None:
    (empty_home / "file").write_text("")
    monkeypatch.setenv("FINOPS_LEDGER", str(empty_home / "file" / "ledger.db"))
    monkeypatch.setenv("FINOPS_ON_UNREACHABLE", setting)
    config.reload()
    rec = track("5 USD/day")
    if passes:
        call(rec)
        return
    with pytest.raises(BudgetExceeded) as caught:
        call(rec)
    assert caught.value.reason == "unreachable"


def test_hard_stop_is_no_exception(empty_home: Path) -> None:
    rec = track("0.0001 USD/day", stop="hard")
    with pytest.raises(BudgetStop) as caught:
        call(rec)
    assert not isinstance(caught.value, Exception)
    assert caught.value.window == "day"


def test_what_was_refused_in_a_task_stays_refused(empty_home: Path) -> None:
    rec = track("0.004 USD/task")
    with finops_pack.task("t"):
        with pytest.raises(BudgetExceeded):
            call(rec, max_output_tokens=4000)
        with pytest.raises(BudgetExceeded):
            call(rec, max_output_tokens=1)
    with finops_pack.task("other"):
        call(rec, Usage(10, 1), max_output_tokens=1)


@pytest.mark.parametrize("budget", ["task", "day"])
def test_what_was_refused_for_calls_in_flight_may_go_on_after_them(
    empty_home: Path, budget: str
) -> None:
    rec = track("0.05 USD/day") if budget == "day" else track()
    asked: Any = {"model": "gpt-4o", "messages": HELLO, "max_output_tokens": 2000}
    with finops_pack.task("t", budget="0.05 USD/task" if budget == "task" else None):
        in_flight = [rec.begin(**asked) for _ in range(2)]  # some $0.02 each
        with pytest.raises(BudgetExceeded) as caught:
            rec.begin(**asked)
        assert (caught.value.spent_usd, caught.value.reserved_usd) > (0, Decimal("0.04"))
        for one in in_flight:
            one.finish(Usage(10, 10))
        rec.begin(**asked).finish(Usage(10, 1900))
        rec.begin(**asked).finish(Usage(10, 1900))
        with pytest.raises(BudgetExceeded):
            rec.begin(**asked)
        with pytest.raises(BudgetExceeded):  # that money is spent: whoever asks for less, too
            rec.begin(**{**asked, "max_output_tokens": 1})


def test_a_task_budget_counts_the_tasks_inside(empty_home: Path) -> None:
    rec = track()
    with finops_pack.task("outer", budget="0.01 USD/task"), pytest.raises(BudgetExceeded):
        for i in range(9):
            with finops_pack.task(f"inner{i}"):
                call(rec)
    assert spent() <= Decimal("0.01")


def test_money_is_held_back_for_the_final_answer(empty_home: Path) -> None:
    from finops_pack import admin

    admin.set_budget(None, "0.02 USD/day", reserve_usd=Decimal("0.008"))
    rec = track()
    with pytest.raises(BudgetExceeded):
        for _ in range(9):
            call(rec)
    with finops_pack.action("final_answer"):
        call(rec)
    assert spent() <= Decimal("0.02")


def test_scopes(empty_home: Path) -> None:
    rec = track("0.0001 USD/day agent=coder")
    call(rec, agent="writer")
    with pytest.raises(BudgetExceeded):
        call(rec, agent="coder")


def test_a_failed_call_gives_its_money_back(empty_home: Path) -> None:
    rec = track("0.01 USD/day")
    for _ in range(10):
        rec.begin(model="gpt-4o", provider="openai", messages=HELLO).fail("RateLimitError")
    call(rec)


def test_the_reason_stands_in_the_ledger_and_on_the_tracker(empty_home: Path) -> None:
    tracker = finops_pack.track(budget="0.0001 USD/day")
    with pytest.raises(BudgetExceeded):
        call(recorder.get())
    assert tracker.refusal is not None
    finops_pack.flush()
    ledger = open_ledger(config.load().ledger)
    [event] = ledger.documents("refusal").values()
    ledger.close()
    assert event["reason"] == "exceeded"


def test_a_dead_processs_reservation_counts_as_spent_when_it_expires(empty_home: Path) -> None:
    rec = track("0.03 USD/day")
    rec.begin(model="gpt-4o", provider="openai", messages=HELLO, max_output_tokens=1000)
    where = parse("0.03 USD/day").where(datetime.now(UTC))
    ledger = open_ledger(config.load().ledger)
    assert ledger.spent(where)[1] > 10**10
    wanted = Reservation("dead", 10**9, 1, 2)  # expired in 1970
    later = Where(since_us=0)
    assert not ledger.reserve(wanted, {"day:everything": (later, 10**12)}, 1.0)
    booked, reserved = ledger.spent(later)
    ledger.close()
    assert (booked, reserved > 10**10) == (10**9, True)
