from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from finops_pack import levers
from finops_pack.model import Call, DayTotals, Totals
from tests.facts import FACTS, call


def titled(calls: Iterable[Call], title: str, days: float = 30) -> list[levers.Lever]:
    return [lever for lever in levers.find(calls, FACTS, days=days) if title in lever.title]


def test_nothing_recorded_recommends_nothing() -> None:
    assert levers.find([], FACTS) == []


def test_batch_price_for_unattended_calls() -> None:
    job = [call(i, task=f"t{i}", trigger="cron", input_tokens=1_000_000) for i in range(4)]
    [lever] = titled(job, "batch")
    assert lever.estimated_saving_usd == 6  # half of 4 x $3
    [one] = titled(job[:1], "batch")
    assert one.message.startswith("1 call to big, started by a clock, would cost less as a batch:")
    assert titled([call(1, task="t", trigger="user", input_tokens=10**6)], "batch") == []


def test_an_agent_loop_is_not_batched() -> None:
    loop = [call(i, task="t", trigger="cron", input_tokens=1_000_000) for i in range(4)]
    assert titled(loop, "batch") == []


def test_cheaper_model_for_short_answers_only() -> None:
    short = [call(i, action="classify", input_tokens=100_000, output_tokens=5) for i in range(20)]
    [lever] = titled(short, "cheaper model")
    assert lever.low_usd == 0
    assert "hypothetical" in lever.assumption
    paid = sum(c.amount_usd for c in short)
    assert lever.estimated_saving_usd == paid * Decimal("0.9")
    assert titled(short[:19], "cheaper model") == []
    long = [call(i, input_tokens=100_000, output_tokens=900) for i in range(20)]
    assert titled(long, "cheaper model") == []


def test_a_cheaper_model_is_priced_on_the_terms_of_the_calls() -> None:
    """A batch stays a batch there: nine tenths less, as at the full price."""
    batch = [call(i, input_tokens=100_000, processing="batch") for i in range(20)]
    [lever] = titled(batch, "cheaper model")
    assert lever.estimated_saving_usd == sum(c.amount_usd for c in batch) * Decimal("0.9")


def test_breakpoints_only_where_prompts_repeat_within_the_ttl() -> None:
    warm = [call(i, session="s", input_tokens=10_000) for i in range(5)]
    [lever] = titled(warm, "breakpoints")
    # 4 reads of 10k at 2.70 less, 1 write of 10k at 0.75 more
    assert lever.estimated_saving_usd == Decimal("0.1005")
    apart = [call(i * 60, session="s", input_tokens=10_000) for i in range(5)]
    assert titled(apart, "breakpoints") == []


def test_breakpoints_save_nothing_of_prompts_that_share_nothing() -> None:
    size = {"session": "s", "input_tokens": 10_000}
    anew = [call(i, prefix_hashes=(f"{i}", f"{i}b"), **size) for i in range(5)]
    assert titled(anew, "breakpoints") == []
    at_once = [call(0, id=f"{i}", duration_ms=60_000, **size) for i in range(5)]
    assert titled(at_once, "breakpoints") == []


def test_breakpoints_are_for_each_agent_of_a_session() -> None:
    size = {"session": "s", "input_tokens": 10_000}
    taking_turns = [call(i, agent=f"a{i % 2}", **size) for i in range(6)]
    [lever] = titled(taking_turns, "breakpoints")
    # two agents: 2 reads of 10k at 2.70 less, 1 write of 10k at 0.75 more, each
    assert lever.estimated_saving_usd == Decimal("0.093")


def test_a_longer_ttl_does_not_bring_back_a_prompt_that_changed() -> None:
    pauses = [
        call(i * 20, session="s", input_tokens=100_000, cache_write_5m_tokens=100_000,
             prefix_hashes=(f"{i}",))
        for i in range(4)
    ]  # fmt: skip
    assert titled(pauses, "one-hour") == []
    alike = [replace(one, prefix_hashes=("p",)) for one in pauses]
    assert len(titled(alike, "one-hour")) == 1


def test_long_ttl_where_it_pays() -> None:
    paused = [
        call(i * 20, session="s", input_tokens=100_000, cache_write_5m_tokens=100_000)
        for i in range(4)
    ]
    [lever] = titled(paused, "one-hour")
    assert lever.message.startswith("1 session on big paused longer than the short cache lives;")
    # 3 rewrites saved at 3.45, one write dearer by 2.25 per million
    assert lever.estimated_saving_usd == Decimal("0.81")
    busy = [
        call(i, session="s", input_tokens=100_000, cache_write_5m_tokens=50_000) for i in range(4)
    ]
    assert titled(busy, "one-hour") == []


def test_writes_that_nobody_reads() -> None:
    wasted = [
        call(i, session=f"s{i}", action="ask", input_tokens=10**6, cache_write_5m_tokens=10**6)
        for i in range(3)
    ]
    [lever] = titled(wasted, "nobody reads")
    assert lever.estimated_saving_usd == Decimal("2.25")
    assert lever.basis == "measured"
    read = call(9, session="s0", input_tokens=10**6, cache_read_tokens=10**6)
    assert len(titled([*wasted, read], "nobody reads")[0].calls) == 2


def test_rhythm_is_inferred_and_the_heartbeat_costed() -> None:
    beats = [call(i * 60, task=f"t{i}", input_tokens=10**6) for i in range(6)]
    [lever] = titled(beats, "heartbeat")
    assert lever.estimated_saving_usd == 9
    assert "every 1.0 h" in lever.message
    uneven = [call(m, task=f"t{m}", input_tokens=10**6) for m in (0, 7, 60, 61, 300, 900)]
    assert titled(uneven, "heartbeat") == []


def test_cold_session_beside_a_warm_one() -> None:
    fields: dict[str, Any] = {"input_tokens": 10**6, "prefix_hashes": ("a", "b")}
    warm = call(0, session="one", **fields)
    cold = call(1, session="two", **fields)
    [lever] = titled([warm, cold], "warm sessions")
    assert lever.estimated_saving_usd == Decimal("2.70")
    late = call(30, session="two", **fields)
    assert titled([warm, late], "warm sessions") == []
    parted = call(1, session="two", **{**fields, "prefix_hashes": ("a", "z")})
    for_an_hour = call(1, session="two", cache_write_1h_tokens=10**6, **fields)
    [lever] = titled([warm, for_an_hour], "warm sessions")
    assert lever.estimated_saving_usd == Decimal("5.7")  # 1M tokens at 6 - 0.30
    [lever] = titled([warm, parted], "warm sessions")  # the first hash covers a quarter of two
    assert lever.estimated_saving_usd == Decimal("0.675")


def test_jobs_that_change_nothing() -> None:
    runs = [
        call(i, task=f"t{i}", trigger="cron", response_hash="same", input_tokens=10**6)
        for i in range(4)
    ]
    [lever] = titled(runs, "change nothing")
    assert lever.estimated_saving_usd == 9


def test_a_saving_is_scaled_to_thirty_days() -> None:
    job = [call(i, task=f"t{i}", trigger="cron", input_tokens=1_000_000) for i in range(4)]
    assert titled(job, "batch", days=15)[0].estimated_saving_usd == 12


@pytest.mark.parametrize(("share", "opens"), [("0.31", True), ("0.30", False)])
def test_write_share_recommendation_opens_and_closes(share: str, opens: bool) -> None:
    day = DayTotals("2026-03-02", Totals(usd=Decimal(10)), cache_write_usd_share=Decimal(share))
    assert bool(levers.from_days([day], today=date(2026, 3, 3))) is opens


def written(on: str) -> DayTotals:
    return DayTotals(on, Totals(usd=Decimal(10)), cache_write_usd_share=Decimal("0.51"))


@pytest.mark.parametrize(
    ("dates", "today", "said"),
    [
        (["02-27", "03-02"], 3, 4),  # Friday and Monday, on Tuesday
        (["02-27", "03-02"], 4, 5),  # nothing was done on Tuesday either
        (["02-01", "03-02"], 3, 6),  # of the week, today's report is still to come
        (["02-27", "03-03"], 3, 5),  # today is in
        (["03-03"], 3, 1),
    ],
)
def test_a_day_without_a_report_cost_nothing_of_the_month(
    dates: list[str], today: int, said: int
) -> None:
    days = [written(f"2026-{on}") for on in dates]
    [lever] = levers.from_days(days, today=date(2026, 3, today))
    assert lever.message.endswith(f" less. Estimated from {said} of the last 7 days."), (
        "whatever period the dashboard shows beside it"
    )
    recent = sum(day.date >= "2026-02-25" for day in days)
    month = 3 * Decimal(30) * recent / said  # $3 of the 10 of a day could go
    assert lever.estimated_saving_usd == month.quantize(Decimal("0.000001"))


def test_a_day_that_tells_nothing_of_its_cache_stands_for_none() -> None:
    silent = DayTotals("2026-03-01", Totals(usd=Decimal(10)))
    days = [written("2026-02-28"), silent, written("2026-03-02")]
    [lever] = levers.from_days(days, today=date(2026, 3, 3))
    assert lever.message.endswith("Estimated from 2 of the last 7 days.")


@pytest.mark.parametrize(
    ("days", "said"), [(1, "1 day"), (2, "2 days"), (1.14, "1.1 days"), (30, "30 days")]
)
def test_every_saving_says_what_days_it_was_seen_in(days: float, said: str) -> None:
    job = [call(i, task=f"t{i}", trigger="cron", input_tokens=100_000_000) for i in range(4)]
    writes = [call(9, session="s", input_tokens=10**6, cache_write_5m_tokens=10**6)]
    for found, title in ((job, "batch"), (writes, "share of cache writes")):
        [lever] = titled(found, title, days)
        assert lever.message.endswith(f" a month less. Estimated from {said}.")
        assert f"about ${lever.estimated_saving_usd:,.2f} a month" in lever.message


def test_ids_are_stable_and_documents_are_json_ready() -> None:
    job = [call(i, task=f"t{i}", trigger="cron", input_tokens=1_000_000) for i in range(4)]
    one, two = titled(job, "batch")[0], titled(job, "batch", days=10)[0]
    assert one.id == two.id
    assert json.loads(json.dumps(one.to_dict()))["estimated_saving_usd"] == "6"


@pytest.mark.parametrize(("written", "opens"), [(400_000, True), (300_000, False)])
def test_write_share_of_calls_opens_and_closes(written: int, opens: bool) -> None:
    rest = call(1, session="s", output_tokens=200_000)  # $3
    writes = call(0, session="s", input_tokens=written, cache_write_5m_tokens=written)
    assert bool(titled([writes, rest], "share of cache writes")) is opens


def test_compression_where_a_session_goes_on_after_its_cache() -> None:
    full: dict[str, Any] = {"session": "s", "input_tokens": 100_000}
    start = call(0, cache_write_5m_tokens=100_000, **full)
    late = call(20, cache_write_5m_tokens=100_000, **full)
    [lever] = titled([start, late], "Compress")
    assert lever.message.startswith("1 call to big paid for the whole context again")
    # 98k not written at 3.75; 100k read at 0.30 and 2k of output at 15 to make the summary
    assert lever.estimated_saving_usd == Decimal("0.3675") - Decimal("0.03") - Decimal("0.03")
    soon = call(2, cache_read_tokens=100_000, **full)
    assert titled([start, soon], "Compress") == []
    short = [replace(c, input_tokens=3_000, cache_write_5m_tokens=3_000) for c in (start, late)]
    assert titled(short, "Compress") == []


def test_estimated_tokens_are_no_reason_for_another_cache() -> None:
    ours: dict[str, Any] = {"input_tokens": 100_000, "usage_basis": "estimated"}
    hashed: dict[str, Any] = {**ours, "prefix_hashes": ("a", "b")}
    assert titled([call(i, session="s", **ours) for i in range(5)], "breakpoints") == []
    assert titled([call(i, session=f"s{i}", **hashed) for i in range(2)], "warm sessions") == []
    start = call(0, session="s", input_tokens=100_000, cache_write_5m_tokens=100_000)
    assert titled([start, call(20, session="s", **ours)], "Compress") == []


def test_what_a_lever_has_saved_is_looked_for_at_the_model_that_answered() -> None:
    fields = {"served_model": "small", "trigger": "cron", "input_tokens": 10**6}
    fields |= {"cache_write_5m_tokens": 10**6}
    calls = [call(i, task=f"t{i}", **fields) for i in range(4)]
    for title in ("batch", "nobody reads"):
        [lever] = titled(calls, title)
        assert len(list(levers.in_scope(calls, lever.scope))) == 4, title


def test_a_short_heartbeat_is_told_in_minutes() -> None:
    beats = [call(i * 5, task=f"t{i}", trigger="heartbeat", input_tokens=10**6) for i in range(6)]
    [lever] = titled(beats, "heartbeat")
    assert lever.message.startswith("The heartbeat runs every 5 min; let it run every 10 min:")


def test_heartbeats_of_two_projects_are_told_apart() -> None:
    beats = [
        call(i * 5, id=f"{name}{i}", task=f"{name}{i}", project=name, trigger="heartbeat",
             input_tokens=10**6)
        for i in range(6) for name in ("shop", "desk")
    ]  # fmt: skip
    said = sorted(lever.message.partition(" runs ")[0] for lever in titled(beats, "heartbeat"))
    assert said == ["The heartbeat of “desk”", "The heartbeat of “shop”"]


@pytest.mark.parametrize("trigger", ["heartbeat", None])
def test_heartbeats_of_two_agents_in_a_project_are_as_long_as_each(trigger: str | None) -> None:
    beats = [
        call(i * 60, id=f"{name}{i}", task=f"{name}{i}", agent=name, trigger=trigger,
             input_tokens=10**6)
        for i in range(6) for name in ("mail", "news")
    ]  # fmt: skip
    [lever] = titled(beats, "heartbeat")
    assert lever.message.startswith("The heartbeat runs every 1.0 h; let it run every 2.0 h:")


def test_no_more_is_saved_of_a_cold_prompt_than_was_paid_for_it() -> None:
    """What stands behind the last breakpoint was paid in full, not as a write."""
    sent: dict[str, Any] = {"input_tokens": 10**6, "cache_write_1h_tokens": 4_000}
    first = call(0, session="one", prefix_hashes=("a",), **sent)
    cold = call(1, session="two", prefix_hashes=("a",), **sent)
    [lever] = titled([first, cold], "warm sessions")
    assert lever.estimated_saving_usd == Decimal("2.712")  # 4k at 6 and 996k at 3, less reads
    late = call(90, session="one", **sent)
    [lever] = titled([first, late], "Compress")
    assert lever.estimated_saving_usd == Decimal("2.67")  # less 2k written, 1M read, 2k made
