"""Levers over a stream: what a list finds, in a memory that does not grow with the calls."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator
from decimal import Decimal
from statistics import median
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops_pack import levers
from finops_pack.levers import _recent, _sample
from finops_pack.levers._recent import Recent
from finops_pack.levers.model_choice import _Answers
from finops_pack.model import Call, Task
from tests.facts import FACTS, Table, call
from tests.memory import traced

DAY = 1440
KINDS = {
    "Use the one-hour cache where sessions pause", "Set cache breakpoints",
    "Stop writing caches that nobody reads", "Lower the share of cache writes",
    "Bundle tasks into warm sessions", "Compress the context before the cache expires",
    "Send unattended calls as a batch", "Skip jobs that change nothing",
    "Lengthen the heartbeat interval", "Try a cheaper model",
}  # fmt: skip


def hour(start: float, name: str) -> Iterator[Call]:
    """Work that supports every lever, in order of start."""

    def step(minute: float, session: str, tokens: int, **more: Any) -> Call:
        fields = {"id": f"{name}/{minute:05}", "session": f"{session}{name}", "action": session}
        return call(start + minute, **{**fields, "input_tokens": tokens, "project": "p", **more})

    yield call(start, id=f"{name}/beat", task=f"beat{name}", input_tokens=9_000, project="p",
               response_hash="nothing new", output_tokens=20)  # fmt: skip
    yield step(1, "long", 100_000, cache_write_5m_tokens=100_000, output_tokens=900)
    yield step(2, "alone", 50_000, cache_write_5m_tokens=50_000, prefix_hashes=[f"{name}", "z"])
    for minute in (3, 4, 5):
        yield step(minute, "plain", 10_000, model="small")
    yield step(21, "long", 100_000, cache_write_5m_tokens=100_000)
    yield step(22, "warm", 40_000, prefix_hashes=["a", "b"])
    yield step(23, "cold", 40_000, prefix_hashes=["a", "c"])


def hours(count: int) -> Iterator[Call]:
    return itertools.chain.from_iterable(hour(n * 60, f"{n:04}") for n in range(count))


def found(calls: Iterable[Call], **fields: Any) -> list[levers.Lever]:
    return levers.find(calls, FACTS, days=30, **fields)


def titled(calls: Iterable[Call], title: str, facts: Table = FACTS) -> list[levers.Lever]:
    return [lever for lever in levers.find(calls, facts, days=30) if title in lever.title]


def test_a_stream_gives_what_a_list_gives() -> None:
    calls = list(hours(48))
    assert {lever.title for lever in found(calls)} == KINDS
    assert found(iter(calls)) == found(calls)
    assert levers.find(iter(calls), FACTS) == levers.find(calls, FACTS)


def test_memory_does_not_grow_with_the_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_recent, "KEPT", 20)
    monkeypatch.setattr(_sample, "SIZE", 20)

    def peak(count: int) -> int:
        with traced() as most:
            assert {lever.title for lever in found(hours(count))} == KINDS
            return most()

    peak(10)
    assert peak(480) < 1.5 * peak(120)  # prices are kept by day


def test_what_is_held_is_forgotten_and_not_what_was_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = list(hours(60))
    every = found(calls)
    monkeypatch.setattr(_recent, "KEPT", 10)
    assert found(calls) == every


@settings(deadline=None, max_examples=20)
@given(st.randoms(use_true_random=False), st.integers(1, 9))
def test_a_list_may_come_in_any_order(rng: random.Random, count: int) -> None:
    calls = list(hours(count))
    shuffled = rng.sample(calls, len(calls))
    assert found(shuffled) == found(calls)


def test_evidence_is_the_first_ten_calls() -> None:
    [lever] = titled(hours(20), "breakpoints")
    assert lever.calls == tuple(f"{n:04}/{m:05}" for n in range(4) for m in (3, 4, 5))[:10]
    [model] = titled(hours(20), "cheaper model")[:1]
    assert len(model.calls) == 10


def test_a_session_that_pauses_over_a_weekend_is_one() -> None:
    full: dict[str, Any] = {"session": "s", "input_tokens": 100_000}
    friday = call(0, cache_write_5m_tokens=100_000, **full)
    monday = call(3 * DAY, cache_write_5m_tokens=100_000, **full)
    others = [call(n, id=f"o{n}", session=f"o{n}", input_tokens=9) for n in range(1, 50)]
    assert titled([friday, *others, monday], "Compress")


@pytest.mark.parametrize("reader", [-5, 90])
def test_what_another_session_read_was_not_written_in_vain(reader: int) -> None:
    fields: dict[str, Any] = {"input_tokens": 10**6, "prefix_hashes": ["a"]}
    wrote = [call(m, session=f"s{m}", cache_write_5m_tokens=10**6, **fields) for m in (0, 30, 60)]
    assert titled(wrote, "nobody reads")
    read = call(reader, session="r", cache_read_tokens=10**6, **fields)
    assert titled([*wrote, read], "nobody reads") == []
    other = call(reader, session="r", input_tokens=9, cache_read_tokens=9, prefix_hashes=["b"])
    assert titled([*wrote, other], "nobody reads")


def test_a_call_on_its_own_is_a_session_of_its_own() -> None:
    wrote = [call(m, input_tokens=10**6, cache_write_5m_tokens=10**6) for m in range(3)]
    assert titled(wrote, "nobody reads")[0].calls == ("c0", "c1", "c2")


# --- tasks -------------------------------------------------------------------------------------


def job(minute: float, task: str, **fields: Any) -> Call:
    fields.setdefault("response_hash", "same")
    return call(minute, id=task, task=task, input_tokens=10**6, **fields)


@pytest.mark.parametrize("kept", [2, 5_000])
def test_what_started_a_task_is_asked_of_its_row(
    monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr(_recent, "KEPT", kept)
    rows = {f"t{n}": Task(f"t{n}", 0, trigger="cron" if n % 2 else "user") for n in range(20)}
    jobs = [job(n * n, f"t{n}", trigger="cron") for n in range(20)]
    [lever] = titled(jobs, "batch", Table(tasks=rows))
    assert lever.estimated_saving_usd == 15  # half of 10 x $3
    assert lever.calls == tuple(f"t{n}" for n in range(1, 20, 2))


def test_a_task_is_started_by_what_any_of_its_calls_tells() -> None:
    silent, told = job(0, "t"), call(1, id="u", task="t", trigger="cron", input_tokens=10**6)
    assert titled([silent, told], "batch")[0].calls == ("t", "u")


def test_each_agent_has_a_rhythm_of_its_own() -> None:
    even = [job(n * 60, f"e{n}", agent="clock", project="p") for n in range(6)]
    odd = [job(n**3, f"o{n}", agent="person", project="p") for n in range(6)]
    [lever] = titled([*even, *odd], "heartbeat")
    assert lever.calls == tuple(one.id for one in even)
    assert lever.estimated_saving_usd == 9


def test_the_same_answer_of_two_agents_is_one_lever() -> None:
    two = [
        job(n * 60 + 7 * (agent == "b"), f"{agent}{n}", agent=agent)
        for agent in "ab" for n in range(5)
    ]  # fmt: skip
    [lever] = titled(two, "change nothing")
    assert lever.estimated_saving_usd == 27  # all but the first of ten
    assert lever.message.startswith("10 runs")
    assert "a0" not in lever.calls


def test_an_answer_is_forgotten_only_while_it_came_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_recent, "KEPT", 10)

    def others(start: int) -> list[Call]:
        return [
            job(start + n, f"o{start + n}", trigger="cron", response_hash=f"r{start + n}")
            for n in range(100)
        ]

    jobs = [job(m, f"t{m}", trigger="cron") for m in (0, 1, 500)]
    assert titled([*jobs, *others(100)], "change nothing")
    apart = [job(m, f"t{m}", trigger="cron") for m in (0, 500, 900)]
    assert titled([*apart, *others(100), *others(600)], "change nothing") == []


# --- samples -------------------------------------------------------------------------------------


def test_a_sample_says_what_all_save(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = random.Random(0).choices(range(1_000, 100_000), k=2_000)
    jobs = [
        call(n * n, id=f"{n}", task=f"{n}", trigger="cron", input_tokens=size, output_tokens=90)
        for n, size in enumerate(sizes)
    ]
    monkeypatch.setattr(_sample, "SIZE", 2_000)
    exact = {lever.id: lever for lever in found(jobs)}
    monkeypatch.setattr(_sample, "SIZE", 100)
    sampled = {lever.id: lever for lever in found(jobs)}
    assert exact.keys() == sampled.keys()
    for key, lever in sampled.items():
        assert lever.estimated_saving_usd == pytest.approx(
            exact[key].estimated_saving_usd, rel=Decimal("0.001")
        )
        assert lever.message.split("calls")[0] == exact[key].message.split("calls")[0]


def test_the_sample_is_the_same_in_any_order() -> None:
    calls = [call(n, id=f"{n}") for n in range(3 * _sample.SIZE)]

    def kept(some: Iterable[Call]) -> list[str]:
        sample = _sample.Sample()
        for one in some:
            sample.add(one)
        return [brief.id for brief in sample.kept()]

    assert len(kept(calls)) == _sample.SIZE
    assert kept(calls) == kept(reversed(calls))
    thirds = [sum(int(i) // _sample.SIZE == n for i in kept(calls)) for n in range(3)]
    assert min(thirds) > 0.25 * _sample.SIZE  # neither early nor late


@settings(max_examples=200)
@given(st.lists(st.sampled_from([0, 1, 499, 500, 501, 502, 999, 10**6]), min_size=20, max_size=41))
def test_whether_answers_are_short_is_known_without_a_list(tokens: list[int]) -> None:
    answers = _Answers()
    for n, count in enumerate(tokens):
        answers.see(call(n, output_tokens=count))
    assert answers.plausible is (median(tokens) <= 500)


def test_what_was_silent_while_many_spoke_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_recent, "KEPT", 3)
    over: list[int] = []
    recent = Recent[int](over.extend)
    for n in range(100):
        if recent.get("often") is None:
            recent.put("often", -1)
        recent.put(n, n)
        assert len(list(recent.items())) <= 6
    assert "often" not in over
    assert over == sorted(over)
    assert set(range(94)) <= set(over)
    recent.close()
    assert sorted(map(str, over)) == sorted(map(str, ["often", *range(100)]))
    assert list(recent.items()) == []
