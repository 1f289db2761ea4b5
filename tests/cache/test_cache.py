from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops_pack import cache
from finops_pack.cache import _chains, _cold, _decay
from finops_pack.model import Call
from finops_pack.sketch._prefix import chained, digest
from tests.facts import FACTS, MINUTE_US, START_US, call, side_by_side
from tests.memory import traced


def warm(minute: float, read: int = 9_000, **fields: Any) -> Any:
    return call(minute, session="s", input_tokens=10_000, cache_read_tokens=read, **fields)


def first(**fields: Any) -> Any:
    return call(0, session="s", input_tokens=10_000, cache_write_5m_tokens=10_000, **fields)


def test_nothing_is_unknown_not_cold() -> None:
    report = cache.analyse([], FACTS)
    assert (report.hit, report.warmth, report.state) == (None, None, "unknown")


def test_hit_attainable_and_warmth() -> None:
    report = cache.analyse([first(), warm(1), warm(2, 10_000)], FACTS)
    assert report.hit == pytest.approx(19 / 30)
    assert report.attainable == pytest.approx(20 / 30)
    assert report.warmth == pytest.approx(0.95)
    assert report.state == "Hot"


def test_estimated_tokens_say_nothing_of_the_cache() -> None:
    ours = [warm(m, 0, usage_basis="estimated") for m in (2, 4)]
    told = [first(), warm(1), warm(3, 10_000)]
    report = cache.analyse([*told, *ours], FACTS)
    assert (report.calls, report.input_tokens, report.unseen_calls) == (5, 50_000, 2)
    assert report.cold_by_cause == {"first": (1, 0)}
    assert [row.calls for row in report.lost] == [1]  # that of minute 1
    assert report.hit == pytest.approx(9 / 20)  # of minute 3 nobody knows what could be read
    assert report.to_dict()["unseen_calls"] == 2


def test_agents_of_one_name_at_work_at_once_are_warm_each_on_its_own() -> None:
    calls = [c for c in side_by_side() if c.cache_read_tokens]
    steps = {s.call.id: s.before for s in cache.chains(side_by_side())}
    assert [steps[c.id].id for c in calls] == [f"{c.id[0]}{int(c.id[1]) - 1}" for c in calls]


def test_an_agent_that_another_call_has_started_begins_cold() -> None:
    main = [call(m, id=f"m{m}", agent="main", session="s", input_tokens=9_000) for m in (0, 5)]
    started = [
        call(m, id=f"a{m}", agent="a", session="s", input_tokens=5_000, parent=f"m{m // 5 * 5}")
        for m in (1, 2, 6)
    ]
    before = {s.call.id: s.before and s.before.id for s in cache.chains([*main, *started])}
    assert before == {"m0": None, "a1": None, "a2": "a1", "m5": "m0", "a6": None}


def test_write_share_differs_in_tokens_and_dollars() -> None:
    calls = [first(), warm(1, 10_000)]
    report = cache.analyse(calls, FACTS)
    assert report.writes.token_share == 0.5
    assert report.writes.usd == Decimal("0.0375")
    assert report.writes.usd_share == pytest.approx(0.0375 / 0.0405)
    assert report.writes.granted == {"5m": 10_000, "1h": 0}


def test_saved_is_net_of_the_write_premium() -> None:
    report = cache.analyse([first(), warm(1, 10_000)], FACTS)
    assert report.saved_usd == Decimal("0.027") - Decimal("0.0075")


@pytest.mark.parametrize(
    ("second", "cause"),
    [
        (call(20, session="s", input_tokens=10_000), "ttl_expired"),
        (call(1, session="s", input_tokens=3_000), "prefix_changed"),
        (call(1, session="s", input_tokens=900), "below_minimum"),
        (call(1, session="s", input_tokens=11_000), "provider_miss"),
    ],
)
def test_cold_calls_have_a_cause(second: Any, cause: str) -> None:
    report = cache.analyse([first(), second], FACTS)
    assert [c.cause for c in report.cold] == ["first", cause]


def test_prefix_hashes_decide_over_sizes() -> None:
    one = first(prefix_hashes=("a", "b"))
    same = call(1, session="s", input_tokens=10_000, prefix_hashes=("a", "c"))
    other = call(1, session="s", input_tokens=10_000, prefix_hashes=("x", "b"))
    assert cache.analyse([one, same], FACTS).cold[-1].cause == "provider_miss"
    assert cache.analyse([one, other], FACTS).cold[-1].cause == "prefix_changed"


def test_an_hour_of_ttl_is_not_expired_after_twenty_minutes() -> None:
    one = call(0, session="s", input_tokens=10_000, cache_write_1h_tokens=10_000)
    later = call(20, session="s", input_tokens=10_000)
    assert cache.analyse([one, later], FACTS).cold[-1].cause == "provider_miss"


def test_a_cold_call_costs_what_it_paid_beyond_a_read() -> None:
    again = call(20, session="s", input_tokens=10_000, cache_write_5m_tokens=10_000)
    [_, cold] = cache.analyse([first(), again], FACTS).cold
    assert cold.usd == Decimal("0.0345")


def test_a_cold_call_that_wrote_a_part_paid_for_the_rest_in_full() -> None:
    again = call(20, session="s", input_tokens=10_000, cache_write_5m_tokens=2_000)
    report = cache.analyse([first(), again], FACTS)
    assert report.cold[-1].usd == Decimal("0.0285")  # 2k at 3.75 and 8k at 3, less reads
    assert report.lost_usd == Decimal("0.0285")


def test_decay_by_pause() -> None:
    calls = [first(), warm(1, 10_000), warm(2, 10_000), warm(30, 0), warm(31, 10_000)]
    rows = cache.analyse(calls, FACTS).decay
    assert [(r.band, r.calls, r.warmth) for r in rows] == [
        ("under 5 min", 3, 1.0),
        ("5 min to 1 h", 1, 0.0),
        ("over 1 h", 0, None),
    ]


def test_sessions_that_share_a_prefix() -> None:
    a = call(0, session="a", input_tokens=100, prefix_hashes=("1", "2", "3", "4"))
    b = call(1, session="b", input_tokens=100, prefix_hashes=("1", "2", "9", "8"))
    assert cache.analyse([a, b], FACTS).overlap == 0.25  # hash 2 of 4 covers a quarter


def test_half_of_a_prompt_in_common_is_half() -> None:
    def prompt(own: str) -> list[str]:
        texts = ("the same for all " * 20_000, own * 20_000)
        return chained([("user", digest(text, b"key")) for text in texts], b"key")[1]

    sessions = [
        call(n, session=f"{n}", input_tokens=170_000, prefix_hashes=prompt(own))
        for n, own in enumerate(("of one only, ever", "what another says"))
    ]
    assert cache.analyse(sessions, FACTS).overlap == pytest.approx(0.5, abs=0.1)


def test_before_the_next_call() -> None:
    long = call(0, session="s", input_tokens=100_000, cache_write_5m_tokens=100_000)
    [row] = cache.analyse([long], FACTS, now_us=START_US + 260_000_000).next
    assert row.text == "cold in 40 s; the next call then costs $0.38 instead of $0.03"
    small = replace(long, input_tokens=1_500, cache_write_5m_tokens=1_500)
    [row] = cache.analyse([small], FACTS, now_us=START_US + 260_000_000).next
    assert row.text.endswith("costs $0.0056 instead of $0.00045"), "as every other screen says it"
    [late] = cache.analyse([long], FACTS, now_us=START_US + 10 * MINUTE_US).next
    assert late.text.startswith("cold; ")


tokens = st.integers(0, 50_000)


@settings(deadline=None, max_examples=80)
@given(st.lists(st.tuples(st.integers(0, 3), tokens, tokens, tokens), max_size=30))
def test_shares_stay_shares(rows: list[tuple[int, int, int, int]]) -> None:
    calls = [
        call(i, session=f"s{s}", input_tokens=a + b + c, cache_read_tokens=a,
             cache_write_5m_tokens=b)
        for i, (s, a, b, c) in enumerate(rows)
    ]  # fmt: skip
    report = cache.analyse(calls, FACTS, now_us=START_US)
    for share in (report.hit, report.attainable, report.warmth, report.writes.token_share):
        assert share is None or 0 <= share <= 1
    assert all(cold.usd >= 0 for cold in report.cold)
    report.to_dict()


def test_lost_prefixes_by_cause() -> None:
    calls = [
        first(),
        warm(1, 9_950),  # less than a step of the cache
        warm(2, 4_000),  # read up to where the prompts part
        call(20, session="s", input_tokens=12_000),
    ]
    report = cache.analyse(calls, FACTS)
    rows = {row.cause: (row.calls, row.tokens) for row in report.lost}
    assert rows == {
        "below_minimum": (1, 50),
        "prefix_changed": (1, 6_000),
        "ttl_expired": (1, 10_000),
    }
    assert report.lost_usd == 16_050 * Decimal("2.7") / 10**6
    assert report.to_dict()["lost_prefix_usd"] == "0.043335"


def test_a_prefix_lost_without_a_price_is_not_lost_for_nothing() -> None:
    [row] = cache.analyse([first(model="new"), warm(1, 4_000, model="new")], FACTS).lost
    assert (row.usd, row.unpriced_tokens, row.tokens) == (0, 6_000, 6_000)
    [row] = cache.analyse([first(), warm(1, 4_000)], FACTS).lost
    assert (row.usd > 0, row.unpriced_tokens) == (True, 0)


def test_the_next_call_that_is_still_warm_comes_first() -> None:
    cached: dict[str, Any] = {"input_tokens": 50_000, "cache_write_5m_tokens": 50_000}
    calls = [call(m, session=f"s{m}", **cached) for m in (0, 50, 58, 59)]
    rows = cache.analyse(calls, FACTS, now_us=START_US + 60 * MINUTE_US).next
    assert [row.session for row in rows] == ["s58", "s59", "s50", "s0"]


def sessions(count: int) -> Iterator[Call]:
    for n in range(count):
        for minute in (0, 1, 30):
            yield call(n * 40 + minute, id=f"{n}.{minute}", session=f"s{n}", input_tokens=5_000)


def test_a_stream_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cold, "KEPT", 10)
    monkeypatch.setattr(_chains, "OPEN", 20)
    monkeypatch.setattr(_decay, "CHUNKS", 32)
    monkeypatch.setattr(cache, "BATCH", 30)

    def peak(count: int) -> int:
        with traced() as most:
            assert cache.analyse(sessions(count), FACTS, now_us=10**18).calls == 3 * count
            return most()

    peak(50)
    assert peak(400) < 2 * peak(100)  # prices are kept by day


def test_a_stream_says_what_a_list_says() -> None:
    calls = list(sessions(30))
    assert cache.analyse(iter(calls), FACTS) == cache.analyse(calls[::-1], FACTS)


def test_of_many_cold_calls_the_dearest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [call(n, session="s", input_tokens=5_000 + n) for n in range(9)]
    every = cache.analyse(calls, FACTS)
    monkeypatch.setattr(_cold, "KEPT", 3)
    some = cache.analyse(calls, FACTS)
    assert some.cold == every.cold[-3:]
    assert some.cold_by_cause == every.cold_by_cause
    assert some.to_dict()["cold_calls"] == len(every.cold)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=200))
def test_halves_of_a_stream(pairs: list[tuple[int, int]]) -> None:
    halves = _decay.Halves()
    for one, other in pairs:
        halves.add(one, other)
    early, late = halves.split()
    middle = len(pairs) // 2
    assert early == tuple(sum(pair[side] for pair in pairs[:middle]) for side in (0, 1))
    assert halves.whole() == (early[0] + late[0], early[1] + late[1])


def test_halves_of_a_long_stream_are_about_halves() -> None:
    halves = _decay.Halves()
    for _ in range(12_345):
        halves.add(1, 2)
    assert halves.count == 12_345
    assert halves.whole() == (12_345, 24_690)
    assert abs(halves.split()[0][0] - 12_345 / 2) < 12_345 / 500
