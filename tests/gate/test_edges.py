"""What the gate remembers and for how long: threads, forks, tasks, windows, flat plans."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import finops_pack
from finops_pack import admin, config, context, forks, gate, recorder
from finops_pack.budgets import parse
from finops_pack.errors import BudgetExceeded, LedgerUnreachable
from finops_pack.gate import _bound, _limits, _store, _thresholds, _weight
from finops_pack.ledger import open_ledger
from finops_pack.model import Usage, Where
from tests.forked import Child

FULL = Usage(1000, 200, 600)  # $0.00375 on gpt-4o
REFUSED = 7  # the exit code of a child whose call was refused
HELLO = [{"role": "user", "content": "hello"}]


def track(*budgets: str, **options: Any) -> recorder.Recorder:
    finops_pack.track(budget=budgets or None, **options)
    return recorder.get()


def begin(rec: recorder.Recorder, **fields: Any) -> recorder.Pending:
    return rec.begin(**{"model": "gpt-4o", "provider": "openai", "messages": HELLO, **fields})


def call(rec: recorder.Recorder, usage: Usage | None = FULL, **fields: Any) -> None:
    begin(rec, **fields).finish(usage)


def refused(rec: recorder.Recorder) -> int:
    """Whether a budget refuses a call, as an exit code."""
    try:
        call(rec)
    except BudgetExceeded:
        return REFUSED
    return 0


def many(rec: recorder.Recorder, **fields: Any) -> None:
    for _ in range(9):
        call(rec, **fields)


def held(where: Where | None = None) -> tuple[int, int]:
    ledger = open_ledger(config.load().ledger)
    try:
        return ledger.spent(where or Where(since_us=0))
    finally:
        ledger.close()


def test_threads_share_a_tasks_budget_to_the_cent() -> None:
    rec = track()
    begun: list[recorder.Pending] = []
    with finops_pack.task("t", budget="0.02 USD/task"):
        running = finops_pack.context.current()

        def one() -> None:
            finops_pack.context._held.variable.set(running)
            try:
                begun.append(begin(rec, max_output_tokens=400))  # a bound of $0.00404
            except BudgetExceeded:
                pass

        threads = [threading.Thread(target=one) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(begun) == 4
        for made in begun:
            made.finish(FULL)


def test_a_tasks_budget_holds_over_processes_that_work_on_it() -> None:
    rec = track()
    with finops_pack.task("shared", budget="0.01 USD/task"):
        call(rec)
        call(rec)

        def work() -> int:  # it counts anew: what its parent spends meanwhile, the ledger knows
            vars(finops_pack.context.current().running[-1])["_pico"] = 0
            return refused(rec)

        assert Child(work).ended() == REFUSED


def test_it_holds_over_processes_for_tasks_inside_it_too() -> None:
    rec = track()

    def work() -> int:
        with finops_pack.task("job", budget="0.01 USD/task"):
            for n in range(9):
                with finops_pack.task(f"step {os.getpid()} {n}"):
                    try:
                        call(rec)
                    except BudgetExceeded:
                        return n
        return 9

    assert work() == 2
    assert finops_pack.flush()
    assert Child(work).ended() == 0


def test_what_is_recorded_by_hand_inside_it_counts_in_other_processes_too() -> None:
    rec = track()
    with finops_pack.task("job", budget="0.005 USD/task"), finops_pack.task("step"):
        for _ in range(2):  # the same call told twice
            rec.record(model="gpt-4o", provider="openai", usage=FULL, id="batch-1", source="batch")
    assert finops_pack.flush()
    assert held(Where(task="job")) == held(Where(task="step")) == (3_750_000_000, 0)

    def work() -> int:
        with finops_pack.task("job", budget="0.005 USD/task"):
            return refused(rec)

    assert Child(work).ended() == REFUSED


def test_a_child_inherits_no_call_no_lock_and_no_handle() -> None:
    rec = track("1 USD/day")
    open_call = begin(rec)
    mine: gate.Gate = rec._gate
    ledger: Any = mine._store.held
    writer = ledger._writer

    def work() -> None:
        assert not mine.held
        assert ledger._writer is not writer
        call(rec)
        open_call.finish(FULL)  # as the parent does too: it is the parent's to settle
        assert ledger._writer is not writer

    with mine._known._lock, mine._store._lock, mine._tasks._lock, mine._watch._lock:
        child = Child(work)
    assert child.ended() == 0
    open_call.finish(FULL)
    assert mine.held == {}
    finops_pack.flush()
    assert held() == (2 * 3_750_000_000, 0)


def test_a_call_whose_end_is_never_told_stays_reserved_and_is_not_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "_MOST", 3)
    rec = track("1 USD/day")
    begun = [begin(rec) for _ in range(6)]
    assert len(rec._gate.held) <= 4
    bound = held()[1]
    rec.sweep(0)
    finops_pack.flush()
    assert held() == (0, bound)
    begun[0].finish(FULL)  # late, and forgotten here: its row settles it
    finops_pack.flush()
    spent, reserved = held()
    assert spent == 3_750_000_000
    assert reserved == bound * 5 // 6


def test_a_call_that_turns_out_to_be_none_leaves_no_reservation() -> None:
    rec = track("1 USD/day")
    with finops_pack.task("t", budget="0.01 USD/task"):
        for _ in range(9):
            begin(rec, max_output_tokens=400).drop()
        call(rec)
    assert finops_pack.flush()
    with closing(sqlite3.connect(config.load().ledger)) as raw:
        assert raw.execute("SELECT call_id FROM reservations").fetchall() == []


def test_a_refused_call_holds_no_money_though_the_ledger_took_it_too_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rec = track("1 USD/day")
    call(rec)
    ledger: Any = rec._gate._store.held
    reserve = ledger.reserve

    def slow(*asked: Any) -> None:
        reserve(*asked)
        raise LedgerUnreachable("no answer within 250 ms")

    monkeypatch.setattr(ledger, "reserve", slow)
    for _ in range(3):
        with pytest.raises(BudgetExceeded):
            call(rec)
    monkeypatch.undo()
    call(rec)
    assert finops_pack.flush()
    assert held() == (2 * 3_750_000_000, 0)


def test_what_is_given_back_is_at_the_end_and_after_a_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rec = track("1 USD/day")
    begin(rec).drop()
    begin(rec).drop()
    store: Any = rec._gate._store

    def locked(*_: Any) -> None:
        raise LedgerUnreachable("locked")

    with monkeypatch.context() as patch, pytest.raises(LedgerUnreachable):
        patch.setattr(store.held, "settle", locked)
        store.settle(store.held)
    recorder.close()
    assert held() == (0, 0)


def test_a_tasks_unknown_bills_count_as_long_as_it_runs() -> None:
    rec = track()
    with finops_pack.task("t", budget="0.012 USD/task"):
        for _ in range(2):
            begin(rec, max_output_tokens=400).fail("ReadTimeout")
        with pytest.raises(BudgetExceeded):
            begin(rec, max_output_tokens=400)
    assert len(rec._gate._tasks._open) <= 1


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_thresholds, "MOST", 5)
    once, seen = _thresholds.Once(), _thresholds.Thresholds()
    for n in range(50):
        assert once.first(n)
        assert not once.first(n)
        seen.spent(f"task {n}", None, 1, parse("1 USD/task"))
    assert len(once._said) <= 5
    assert len(seen._seen) <= 5


def test_a_refusal_is_told_to_the_ledger_once_a_minute_not_once_a_call() -> None:
    rec = track("0.0001 USD/day")
    for _ in range(30):
        with pytest.raises(BudgetExceeded):
            call(rec)
    finops_pack.flush()
    ledger = open_ledger(config.load().ledger)
    assert len(ledger.documents("refusal")) == 1
    ledger.close()


def test_the_ledgers_day_is_asked_for_from_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINOPS_TZ", "Pacific/Kiritimati")  # 14 hours ahead
    config.reload()
    rec = track("0.0001 USD/month")
    with pytest.raises(BudgetExceeded) as caught:
        call(rec)
    assert caught.value.resets_at.endswith("T10:00:00+00:00")


def test_days_made_anew_in_another_zone_are_the_gates_at_once() -> None:
    rec = track("0.02 USD/month")
    call(rec)
    ledger = open_ledger(config.load().ledger)
    ledger.rebuild("Pacific/Kiritimati")
    ledger.close()
    with pytest.raises(BudgetExceeded) as caught:
        many(rec)
    assert caught.value.resets_at.endswith("T10:00:00+00:00")


def test_a_budget_for_each_call_stops_that_call_alone() -> None:
    rec = track("0.01 USD/call")
    with finops_pack.task("t"):
        with pytest.raises(BudgetExceeded):
            begin(rec, max_output_tokens=4000)
        call(rec, max_output_tokens=10)


def test_a_raised_budget_lets_a_stopped_task_go_on() -> None:
    admin.set_budget(None, "0.0001 USD/day")
    rec = track()
    with finops_pack.task("t"):
        with pytest.raises(BudgetExceeded):
            call(rec)
        admin.set_budget(None, "1 USD/day")
        rec._gate._known._again_at = time.monotonic()  # as two seconds later
        call(rec)


def test_a_budget_is_seen_though_the_clock_was_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    rec = track()
    call(rec)
    admin.set_budget(None, "0.0001 USD/day")
    rec._gate._known._again_at = time.monotonic()  # as two seconds later
    hour_ago = context.now_us() - 3_600_000_000
    monkeypatch.setattr(context, "now_us", lambda: hour_ago)
    with pytest.raises(BudgetExceeded):
        call(rec)


def test_a_cheaper_model_may_follow_where_only_the_dear_one_has_a_budget() -> None:
    rec = track("0.0001 USD/day model=gpt-4o")
    with finops_pack.task("t"):
        with pytest.raises(BudgetExceeded):
            call(rec)
        call(rec, model="gpt-4o-mini")


def test_flat_plans_have_budgets_of_their_own() -> None:
    rec = track("0.0001 USD/day", "0.01 USD/day billing=subscription")
    call(rec, billing_mode="subscription")
    with pytest.raises(BudgetExceeded) as caught:
        many(rec, billing_mode="subscription")
    assert caught.value.scope == "billing subscription"
    with pytest.raises(BudgetExceeded) as caught:
        call(rec)
    assert caught.value.scope == "everything"


def test_the_served_model_is_the_measure_of_the_next_call() -> None:
    rec = track("0.001 USD/call")
    begin(rec, model="gpt-4o-mini").finish(Usage(10, 0, 1), served_model="gpt-4o")
    with pytest.raises(BudgetExceeded):  # $0.004 at the served model's price, $0.00025 else
        begin(rec, model="gpt-4o-mini", max_output_tokens=400)


@pytest.mark.parametrize("body", [{"window": "day"}, {"limit_usd": "much", "window": "day"}])
def test_one_unreadable_budget_is_named_and_does_not_lift_the_others(
    body: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    ledger = open_ledger(config.load().ledger)
    ledger.put("budget", "day:broken", body)
    ledger.close()
    with pytest.raises(BudgetExceeded):
        call(track("0.0001 USD/day"))
    assert "mend: if a newer version set it, pip install --upgrade" in caplog.text
    assert "else finops budget rm day:broken" in caplog.text


def test_a_fault_of_the_store_is_no_free_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    rec = track("1 USD/day")
    call(rec)

    def broken(*_: Any) -> None:
        raise RuntimeError("a driver's own")

    monkeypatch.setattr(rec._gate._store.held, "reserve", broken)
    with pytest.raises(BudgetExceeded) as caught:
        call(rec)
    assert caught.value.reason == "unreachable"


@pytest.mark.parametrize("part", ["_bounds", "_stopped"])
def test_a_fault_of_ours_is_no_free_pass(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rec = track("1 USD/day")
    monkeypatch.setattr(rec._gate, part, None)
    with finops_pack.task("t"), pytest.raises(BudgetExceeded) as caught:
        call(rec)
    assert caught.value.reason == "unreachable"


def test_a_ledger_that_cannot_be_asked_for_budgets_lifts_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ImportError("half an installation")

    monkeypatch.setattr("finops_pack.gate._limits.load", broken)
    rec = track("0.0001 USD/day")
    for _ in range(3):
        with pytest.raises(BudgetExceeded):
            call(rec)


def test_a_call_that_passed_unheld_holds_nothing_of_its_task(
    monkeypatch: pytest.MonkeyPatch, empty_home: Path
) -> None:
    (empty_home / "file").write_text("")
    monkeypatch.setenv("FINOPS_LEDGER", str(empty_home / "file" / "ledger.db"))
    monkeypatch.setenv("FINOPS_ON_UNREACHABLE", "allow")
    config.reload()
    rec = track()
    with finops_pack.task("t", budget="0.02 USD/task") as task, pytest.raises(BudgetExceeded):
        many(rec, max_output_tokens=400)
    assert task.calls == 5  # and not three, whose bounds would still be held beside their cost


def test_soft_budgets_refuse_nothing_when_the_ledger_is_out_of_reach(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (empty_home / "file").write_text("")
    monkeypatch.setenv("FINOPS_LEDGER", str(empty_home / "file" / "ledger.db"))
    config.reload()
    call(track("0.0001 USD/day soft"))
    assert "budgets are not held" in caplog.text


def test_a_locked_ledger_refuses_within_250_ms_and_settles_no_slower() -> None:
    rec = track("1 USD/day")
    call(rec)
    open_call = begin(rec)
    ledger = open_ledger(config.load().ledger)
    with ledger._write():  # type: ignore[attr-defined]
        began = time.perf_counter()
        with pytest.raises(BudgetExceeded) as caught:
            call(rec)
        refused = time.perf_counter() - began
        began = time.perf_counter()
        open_call.finish(FULL)
        settled = time.perf_counter() - began
    ledger.close()
    assert caught.value.reason == "unreachable"
    assert 0.2 < refused < 0.6
    assert settled < 0.6
    finops_pack.flush()
    assert held() == (2 * 3_750_000_000, 0)


def test_opening_is_not_waited_for_longer_than_agreed(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = threading.Event()

    def hang(**_: Any) -> Any:
        slow.wait(5)

    monkeypatch.setattr(_store, "MAKING_SECONDS", 0.05)
    monkeypatch.setattr(_store, "load", lambda url: hang)
    rec = track("1 USD/day")
    began = time.perf_counter()
    for _ in range(3):
        with pytest.raises(BudgetExceeded) as caught:
            call(rec)
        assert caught.value.reason == "unreachable"
    assert time.perf_counter() - began < 1
    slow.set()


@pytest.mark.parametrize("opened", [False, True])
def test_a_refusal_names_what_keeps_the_ledger_from_us(
    opened: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a child of a fork that could not wait for SQLite: `finops doctor` finds nothing."""
    rec = track("1 USD/day")
    if opened:
        call(rec)
    monkeypatch.setattr(forks, "cut_off", True)
    for _ in range(2):
        with pytest.raises(BudgetExceeded) as caught:
            call(rec)
        assert "this process was forked while a thread was busy in SQLite" in str(caught.value)
        assert "Mend: fork before that, or spawn" in str(caught.value)


def test_what_a_dead_process_left_in_its_spool_is_booked_before_the_first_call() -> None:
    def work() -> None:
        call(track())
        os.kill(os.getpid(), 9)

    assert Child(work).ended() == -9
    with pytest.raises(BudgetExceeded) as caught:
        begin(track("0.006 USD/day"), max_output_tokens=300)
    assert caught.value.spent_usd == Decimal("0.00375")


def test_eight_async_workers_share_one_budget() -> None:
    rec = track("0.03 USD/day")
    made = 0

    async def worker() -> None:
        nonlocal made
        while True:
            pending = begin(rec, messages=["text " * 500], max_output_tokens=200)
            made += 1
            await asyncio.sleep(0.001)
            pending.finish(FULL)

    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*(worker() for _ in range(8)), return_exceptions=True)

    ended = asyncio.run(all_of_them())
    assert {type(error) for error in ended} == {BudgetExceeded}
    assert made * Decimal("0.00375") <= Decimal("0.03")
    assert made >= 6


@pytest.mark.parametrize(
    ("message", "most"),
    [
        ("plain text", 10),
        ("漢字", 6),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 9999}}, 4100),
        ({"type": "base64", "media_type": "image/png", "data": "A" * 9999}, 4000),
        ({"inline_data": {"mime_type": "image/png", "data": b"A" * 9999}}, 4100),
        (b"A" * 9999, 4000),
    ],
)
def test_media_do_not_count_as_text_and_no_script_is_undercounted(message: Any, most: int) -> None:
    assert most * 0.9 <= _weight.text_bytes(message, []) <= most


def test_a_failed_call_teaches_nothing() -> None:
    bounds, weight = _bound.Bounds(), _weight.Weight(messages=1, size=100, longest=10)
    row = {"model": "gpt-4o", "provider": "openai", "start_us": 1_800_000_000_000_000}
    bounds.learn({**row, "input_tokens": 9000, "output_tokens": 10}, weight)
    before = bounds.pico(row, weight)
    for _ in range(20):
        bounds.learn(row, weight)
    assert bounds.pico(row, weight) == before


def test_the_final_answer_of_a_stopped_task_passes_within_the_reserve() -> None:
    admin.set_budget(None, "0.02 USD/task", reserve_usd=Decimal("0.008"))
    rec = track()
    with finops_pack.task("t"):
        with pytest.raises(BudgetExceeded):
            many(rec)
        with finops_pack.action("final_answer"):
            call(rec)
            with pytest.raises(BudgetExceeded):
                begin(rec, max_output_tokens=2000)
    finops_pack.flush()
    assert held(Where(task="t"))[0] <= 2 * 10**10


def test_now_is_in_the_window_it_is_counted_in() -> None:
    where = parse("1 USD/24h").where(datetime.now(UTC))
    assert where.since_us is not None
    assert abs(where.since_us / 1e6 + 86400 - time.time()) < 5


def test_a_window_kept_ends_with_its_day_and_when_the_clock_goes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = datetime(2026, 3, 28, 23, 59, tzinfo=UTC)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return clock

    monkeypatch.setattr(_limits, "datetime", Clock)
    monkeypatch.setattr(_limits.time, "time_ns", lambda: int(clock.timestamp() * 1e9))
    windows, day = _limits.Windows(), parse("1 USD/day")
    seen = []
    for minutes in (0, 0, 2, -1440):
        clock += timedelta(minutes=minutes)
        since = windows.where(day, {}, UTC).since_us
        assert since is not None
        seen.append(datetime.fromtimestamp(since / 1e6, UTC).day)
    assert seen == [28, 28, 29, 28]


def test_an_answer_without_a_price_counts_as_what_was_set_aside_for_it() -> None:
    """Booked or not, and for its task too; the row itself stays unpriced."""
    rec = track("0.02 USD/day")
    with finops_pack.task("outer", budget="1 USD/task"), pytest.raises(BudgetExceeded) as caught:
        for n in range(9):
            with finops_pack.task(f"inner {n}"):
                begin(rec, max_output_tokens=400).finish(FULL, service_tier="scale")
            assert n % 2 or finops_pack.flush()
    spent = caught.value.spent_usd
    assert spent is not None
    assert spent >= n * Decimal("0.004")
    assert finops_pack.flush()
    assert held(Where(task="outer"))[0] == held()[0] == int(spent * 10**12)
    ledger = open_ledger(config.load().ledger)
    assert all(row.unpriced for row in ledger.calls(Where()))
    ledger.close()


def test_without_a_price_no_less_counts_than_the_standard_one() -> None:
    rec = track("1 USD/day")
    begin(rec).finish(Usage(100_000, 10_000), service_tier="scale")  # 500 were thought
    assert finops_pack.flush()
    call(rec)
    assert held()[0] + held()[1] >= 350_000_000_000


def test_what_was_let_pass_unheld_counts_nothing() -> None:
    url = config.load().ledger
    admin.set_budget(url, "0.01 USD/day", unpriced="warn")
    many(track(), model="theirs")
    begin(track(), request={"service_tier": "scale"}).finish(FULL, service_tier="scale")
    assert held() == (0, 0)


def test_a_price_that_is_found_later_takes_the_place_of_what_was_set_aside() -> None:
    rec = track("1 USD/day")
    made = begin(rec)
    made.finish(FULL, service_tier="scale")
    assert finops_pack.flush()
    assert held()[0] > 0
    made.amend(cost_pico=7, cost_state="priced")
    assert finops_pack.flush()
    assert held() == (7, 0)
