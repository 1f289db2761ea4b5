"""Rows as they arrive: what was said, what it cost, and what is not known."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import finops_pack
from finops_pack import Usage, config, context, recorder
from finops_pack.ledger import open_ledger
from finops_pack.model import Call
from finops_pack.money import to_pico
from finops_pack.recorder import _jobs, guard

Calls = Callable[[], list[Call]]
USAGE = Usage(1000, 200, 600, reasoning_tokens=50)


def begin(**fields: Any) -> recorder.Pending:
    return recorder.get().begin(**{"model": "gpt-4o", "provider": "openai", **fields})


def test_a_call_from_begin_to_row(calls: Calls) -> None:
    call = begin(agent="coder", session="s", tags={"customer": "a"}, framework="own")
    call.finish(USAGE, served_model="gpt-4o-2024-08-06", response_id="r1", finish_reason="stop")
    (row,) = calls()
    assert (row.id, row.usage, row.agent, row.session) == (call.id, USAGE, "coder", "s")
    assert (row.amount_usd, row.cost_state) == (Decimal("0.00375"), "priced")
    assert row.rate_id
    assert (row.billing_mode, row.source, row.tags) == ("metered", "live", {"customer": "a"})
    assert row.duration_ms is not None
    assert 0 <= row.duration_ms < 1000


def test_a_call_ends_once(calls: Calls) -> None:
    call = begin()
    call.finish(USAGE)
    call.finish(Usage(9999, 9999))
    call.fail(ValueError("late"))
    (row,) = calls()
    assert (row.usage, row.status) == (USAGE, "ok")


@pytest.mark.parametrize(
    ("usage", "problem"),
    [
        (Usage("TEXT", 3), "input_tokens: must be a whole number, got a str"),
        (Usage(9, 3, extra={"image": "TEXT"}), "image: must be a whole number, got a str"),
        (Usage(9, 3, extra="TEXT"), "extra: must map units to counts, got a str"),
    ],
)
def test_no_text_is_kept_that_was_given_for_a_count(
    calls: Calls, tmp_path: Path, usage: Usage, problem: str
) -> None:
    finops_pack.record(model="gpt-4o", usage=usage)
    assert not [f for f in tmp_path.rglob("*") if f.is_file() and b"TEXT" in f.read_bytes()]
    (row,) = calls()
    assert (row.problems, row.usage.output_tokens, row.usage.extra) == ((problem,), 3, {})
    assert row.cost_state == "unpriced"


def test_by_hand(calls: Calls) -> None:
    identity = finops_pack.record(
        model="gpt-4o-mini",
        usage=USAGE,
        provider="openai",
        action="code_generation",
        tags={"customer": "b"},
        duration_ms=812,
        billed_usd=Decimal("0.5"),
        start_us=1_760_000_000_000_000,
    )
    (row,) = calls()
    assert (row.id, row.action, row.duration_ms) == (identity, "code_generation", 812)
    assert row.start_us == 1_760_000_000_000_000
    assert (row.amount_usd, row.billed_source) == (Decimal("0.5"), "provider")
    assert row.cost_pico == 225_000_000


@pytest.mark.parametrize(
    ("told", "usd"),
    [("0.5", "0.5"), (0.1, "0.1"), (1, "1"), ("nan", None), (-1, None), ("much", None)],
)
def test_a_billed_amount_that_cannot_be_read_costs_no_call(
    calls: Calls, told: Any, usd: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    finops_pack.record(model="gpt-4o-mini", usage=USAGE, provider="openai", billed_usd=told)
    (row,) = calls()
    assert row.amount_usd == Decimal(usd or "0.000225")
    assert ("billed_usd" in caplog.text) == (usd is None)


@pytest.mark.parametrize(
    ("told", "start_us"),
    [
        (datetime(2026, 2, 3, 4, 5, 6, 7), 1_770_091_506_000_007),
        (datetime(2026, 2, 3, 5, 5, 6, 7, timezone(timedelta(hours=1))), 1_770_091_506_000_007),
        (1_770_091_506_000_007.0, 1_770_091_506_000_007),
        (1_770_091_506, None),  # seconds
        (1_770_091_506.5, None),
        (1_770_091_506_000_007_000, None),  # nanoseconds
        ("2026-02-03", None),
        (float("nan"), None),
        (-5, None),
    ],
)
def test_a_time_that_cannot_be_read_costs_no_call(
    calls: Calls, told: Any, start_us: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    before = context.now_us()
    finops_pack.record(model="gpt-4o-mini", usage=USAGE, provider="openai", start_us=told)
    (row,) = calls()
    assert row.start_us == start_us or (start_us is None and row.start_us >= before)
    assert ("start_us must be" in caplog.text) == (start_us is None)


@pytest.mark.parametrize("told", [["customer"], "customer=acme", 7])
def test_tags_that_are_none_cost_no_call(
    calls: Calls, told: Any, caplog: pytest.LogCaptureFixture
) -> None:
    finops_pack.record(model="gpt-4o-mini", usage=USAGE, tags=told)
    (row,) = calls()
    assert row.tags == {}
    assert "tags must map words to words" in caplog.text


@pytest.mark.parametrize("results", ["TEXT", ["TEXT"], [{"tool_call_id": "t", "content": "TEXT"}]])
def test_text_that_is_told_by_hand_is_neither_kept_nor_logged(
    calls: Calls, results: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    finops_pack.record(
        model="gpt-4o-mini", usage=USAGE, context="TEXT", tags="TEXT", tool_results=results
    )
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in written if b"TEXT" in path.read_bytes()]
    (row,) = calls()
    assert "TEXT" not in f"{row}{caplog.text}"
    assert [r["tool_call_id"] for r in row.tool_results] == ["t"] * isinstance(results[0], dict)


def test_an_error_that_is_told_by_hand_is_kept_as_its_kind(calls: Calls) -> None:
    error = RuntimeError("400: you said TEXT")
    finops_pack.record(model="gpt-4o-mini", usage=USAGE, status="error", error_type=error)
    (row,) = calls()
    assert row.error_type == "RuntimeError"


def test_what_no_call_has_is_named_and_left_out(
    calls: Calls, caplog: pytest.LogCaptureFixture
) -> None:
    finops_pack.record(model="gpt-4o", usage=USAGE, proccessing="batch", zzz=1)
    (row,) = calls()
    assert row.cost_state == "priced"
    assert "no field 'proccessing', it is left out; did you mean processing?" in caplog.text
    assert "no field 'zzz'" in caplog.text


@pytest.mark.parametrize(
    ("said", "usd"),
    [
        ({"processing": "batch"}, "1.25"),
        ({"service_tier": "priority"}, "4.25"),
        ({"speed": "x"}, None),
    ],
)
def test_by_hand_a_context_is_priced_as_price_does(
    calls: Calls, said: dict[str, str], usd: str | None
) -> None:
    usage = Usage(1_000_000)
    finops_pack.record(model="gpt-4o", provider="openai", usage=usage, context=said)
    (row,) = calls()
    assert row.cost_pico == (to_pico(Decimal(usd)) if usd else None)
    cost = finops_pack.price("gpt-4o", usage, provider="openai", context=said)
    assert (cost.state, cost.usd) == (row.cost_state, Decimal(usd) if usd else None)


def test_by_hand_a_mapping_of_counts_is_a_usage(
    calls: Calls, caplog: pytest.LogCaptureFixture
) -> None:
    told: Any = {"input_tokens": 7, "extra": {"web_search": 1}}
    finops_pack.record(model="gpt-4o", usage=told)
    finops_pack.record(model="gpt-4o", usage=[7])  # type: ignore[arg-type]
    known, unknown = calls()
    assert known.usage == Usage(7, extra={"web_search": 1})
    assert unknown.usage == Usage()
    assert "usage must be a finops_pack.Usage, got list" in caplog.text


def test_a_model_without_a_price_is_counted_in_tokens(calls: Calls) -> None:
    with finops_pack.task() as task:
        begin(model="nobody-sells-this").finish(USAGE)
    (row,) = calls()
    assert (row.cost_state, row.cost_pico, row.unpriced) == ("unpriced", None, True)
    assert row.usage == USAGE
    assert (task.calls, task.cost) == (1, 0)


def test_the_model_that_served_is_priced_else_the_one_that_was_asked(calls: Calls) -> None:
    begin(model="my-deployment").finish(USAGE, served_model="gpt-4o-2024-08-06")
    begin().finish(USAGE, served_model="a-name-nobody-knows")
    assert [row.amount_usd for row in calls()] == [Decimal("0.00375")] * 2


def test_counts_that_contradict_are_kept_flagged_and_unpriced(calls: Calls) -> None:
    begin().finish(Usage(10, 5, cache_read_tokens=11))
    begin().finish(Usage(10, 5, reasoning_tokens=6))
    begin().finish(Usage(True, 5))
    for row in calls():
        assert row.problems
        assert (row.cost_state, row.cost_pico) == ("unpriced", None)


def test_context_of_the_price(calls: Calls) -> None:
    begin().finish(USAGE, processing="batch")
    begin().finish(USAGE, service_tier="a tier nobody knows")
    batch, unknown = calls()
    assert batch.amount_usd < Decimal("0.00375")
    assert unknown.cost_state == "unpriced"


@pytest.mark.parametrize(
    ("error", "status", "unpriced"),
    [
        (ValueError("x"), "error", False),
        (TimeoutError(), "unknown", True),
        (GeneratorExit(), "cancelled", True),
        ("RateLimitError", "error", False),
    ],
)
def test_what_an_error_says_about_the_bill(
    calls: Calls, error: Any, status: str, unpriced: bool
) -> None:
    begin().fail(error)
    (row,) = calls()
    assert (row.status, row.unpriced) == (status, unpriced)
    assert row.missing == (("usage",) if unpriced else ())
    assert row.error_type


def test_a_proxy_that_drops_the_input_is_estimated_and_marked(calls: Calls) -> None:
    begin(messages=[{"role": "user", "content": "x" * 400}]).finish(Usage(0, 20))
    (row,) = calls()
    assert (row.input_tokens, row.output_tokens) == (104, 20)
    assert (row.usage_basis, row.usage_method) == ("estimated", "input: utf8 bytes / 4")


def test_an_amendment_finds_its_row(calls: Calls) -> None:
    call = begin()
    call.finish(USAGE)
    call.amend(verifier="guardrail")
    (row,) = calls()
    assert row.verifier == "guardrail"


def test_attempts_and_what_they_lost(calls: Calls) -> None:
    call = begin()
    call.attempt(120)
    call.attempt(80.4)
    call.finish(USAGE)
    (row,) = calls()
    assert (row.attempts, row.lost_ms) == (3, 200)


def test_settings_mark_every_call(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PROJECT": "desk",
        "TAGS": "customer=acme",
        "ENVIRONMENT": "prod",
        "AGENT_VERSION": "3",
    }.items():
        monkeypatch.setenv(f"FINOPS_{name}", value)
    config.reload()
    begin().finish(USAGE)
    begin(project="own", tags={"customer": "b"}).finish(USAGE)
    settled, own = calls()
    assert settled.project == "desk"
    assert settled.tags == {"customer": "acme", "environment": "prod", "agent_version": "3"}
    assert (own.project, own.tags["customer"]) == ("own", "b")


def test_eight_threads_lose_nothing(calls: Calls) -> None:
    def work() -> None:
        for _ in range(250):
            begin().finish(USAGE)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = calls()
    assert len({row.id for row in rows}) == 2000
    assert sum(row.amount_pico for row in rows) == 2000 * 3_750_000_000


def test_importers_book_priced_rows_at_once() -> None:
    line = {"type": "call", "id": "a/1", "source": "jsonl", "start_us": 1_760_000_000_000_000}
    rec = recorder.get()
    call = {**line, "model": "gpt-4o", "provider": "openai", "input_tokens": 1000}
    assert rec.book([call]).new == 1
    assert rec.book([call]).unchanged == 1
    ledger = open_ledger(config.load().ledger)
    row = ledger.call("a/1", "jsonl")
    ledger.close()
    assert row is not None
    assert row.amount_usd == Decimal("0.0025")


def test_owning_is_of_this_context_and_while_the_call_is_open() -> None:
    call = begin()
    before = context.own(call)
    assert context.owned()
    thread_saw: list[bool] = []
    thread = threading.Thread(target=lambda: thread_saw.append(context.owned()))
    thread.start()
    thread.join()
    assert thread_saw == [False]
    call.finish(USAGE)
    assert not context.owned()
    context.disown(call, before)
    assert context.owner() is None


def test_a_guarded_fault_is_told_once_and_swallowed(caplog: pytest.LogCaptureFixture) -> None:
    @guard
    def faulty(number: int) -> int:
        return number // 0

    assert faulty(1) is None
    assert faulty(2) is None
    assert len([r for r in caplog.records if "faulty failed" in r.message]) == 1


def test_a_spool_that_fails_never_reaches_the_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise OSError("disk")

    monkeypatch.setattr("finops_pack.recorder._core.encode", broken)
    with finops_pack.task() as task:
        begin().finish(USAGE)
    assert task.calls == 1


def test_one_line_that_cannot_be_encoded_costs_itself_alone(
    calls: Calls, caplog: pytest.LogCaptureFixture
) -> None:
    rec = recorder.get()
    kept = [rec.record(model="gpt-4o", usage=Usage(1, 1)) for _ in range(3)]
    lines = [{"type": "amend", "id": call, "verifier": "schema"} for call in kept]
    lines[1]["tool_results"] = [{("no", "key"): 1}]
    rec.write_all(lines)
    assert [call.verifier for call in calls()] == ["schema", None, "schema"]
    assert "could not be written" in caplog.text


@pytest.mark.parametrize("lost", [True, False])
def test_what_is_said_after_a_cut_is_estimated_and_reduced_once(
    calls: Calls, monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    jobs: list[Any] = []
    call = begin(messages="How many legs has a spider?")
    monkeypatch.setattr(call.recorder._reducing, "put", jobs.append)
    if lost:
        call.orphan()
    else:
        call.cut(RuntimeError("cancelled"))
    assert call.messages is None  # a framework may hold the call for long
    call.finish(None, response="Eight.")
    (row,) = calls()
    assert (row.status, row.usage_basis, row.cost_state) == ("ok", "estimated", "priced")
    assert row.input_tokens > 0
    assert [_jobs.Job(*job).messages for job in jobs] == ["How many legs has a spider?", None]


def test_a_disabled_recorder_takes_calls_of_every_making(empty_home: Any) -> None:
    off = recorder.NullRecorder(config.load())
    for call in (off.begin(model="gpt-4o", messages="hi"), off.begin_row({"id": "a", "model": ""})):
        call.finish(USAGE)
        assert not call.open
    assert off.flush()
