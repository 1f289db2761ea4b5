from __future__ import annotations

from collections.abc import Iterator
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops_pack import forensics
from finops_pack.forensics import _shape, retry_cascade
from finops_pack.model import Call, Finding
from tests.facts import FACTS, call, side_by_side
from tests.memory import traced


def usual(count: int = 12, calls: int = 3, **fields: Any) -> list[Call]:
    """Ordinary tasks: each step adds about 1,000 tokens and answers with about 100."""
    return [
        call(
            t * 100 + step,
            task=f"usual{t}",
            action="step",
            input_tokens=1000 * (step + 1) + t,
            output_tokens=100 + t,
            **fields,
        )
        for t in range(count)
        for step in range(calls)
    ]


def odd(minute: float, **fields: Any) -> Call:
    return call(5000 + minute, task="odd", **{"action": "step", "output_tokens": 100, **fields})


def of_mode(calls: list[Call], mode: str) -> list[Finding]:
    return [f for f in forensics.find(calls, FACTS) if f.category == mode]


def test_ordinary_tasks_show_no_failure_mode() -> None:
    assert forensics.find(usual(), FACTS) == []


def test_every_mode_is_found_by_name() -> None:
    assert {mode.MODE for mode in forensics.modes()} == {
        "input_explosion", "verbosity", "retry_cascade", "tool_avalanche",
    }  # fmt: skip


def test_one_large_tool_result_is_named_with_its_step_and_cost() -> None:
    steps = [
        odd(0, input_tokens=1000),
        odd(1, input_tokens=62_000, tool_results=[{"name": "query_db", "tokens": 61_000}]),
        odd(2, input_tokens=63_000, cache_read_tokens=62_000),
        odd(3, input_tokens=2_000),
    ]
    [found] = of_mode([*usual(), *steps], "input_explosion")
    assert "times" not in found.title
    assert "× the usual because one tool result of “query_db” of 61k tokens" in found.title
    assert "entered at step 2" in found.title
    assert found.calls == (steps[1].id, steps[2].id)
    assert found.usd < sum(c.amount_usd for c in steps)
    assert found.usd > steps[1].amount_usd * 9 / 10


def test_agents_of_one_name_at_work_at_once_bring_in_nothing_of_each_other() -> None:
    steps = [step.new for step in forensics.Run("t", side_by_side()).steps]
    assert steps == [0, *[10_000, 40_000] * 6]


def test_a_model_that_goes_on_for_another_brings_in_what_is_new_alone() -> None:
    models = {4: "small", 12: "other", 13: "other"}  # asked on the side; in its place for a while
    sizes = {n: 900 if n == 4 else 900 + 900 * n for n in range(17)}
    steps = [odd(n, input_tokens=sizes[n], model=models.get(n, "gpt")) for n in sizes]
    new = [step.new for step in forensics.Run("t", steps).steps]
    assert new == [*[900] * 4, 0, 1800, *[900] * 11]
    assert of_mode([*usual(), *steps], "input_explosion") == []


def test_the_tool_is_named_by_the_call_that_asked_for_it() -> None:
    asked = odd(0, input_tokens=1000, tool_calls=[{"id": "t1", "name": "query_db"}])
    told = odd(1, input_tokens=62_000, tool_results=[{"tool_call_id": "t1", "tokens": 61_000}])
    [found] = of_mode([*usual(), asked, told], "input_explosion")
    assert "one tool result of “query_db” of 61k tokens entered at step 2" in found.title


def test_verbosity_and_an_answer_cut_off() -> None:
    long = odd(0, input_tokens=1000, output_tokens=60_000)
    cut = odd(1, input_tokens=2000, output_tokens=600, finish_reason="length")
    found = of_mode([*usual(), long, cut], "verbosity")
    assert [f.calls for f in found] == [(long.id,), (cut.id,)]
    assert "cut off at the limit" in found[1].title


def test_what_has_no_price_is_unpriced_and_not_worth_nothing() -> None:
    steps = [
        odd(n, model="house", input_tokens=62_000 if n else 1000, output_tokens=60_000,
            tool_results=[{"tool_call_id": f"t{n - 1}", "result_hash": "r"}],
            tool_calls=[{"name": "read", "args_hash": "a", "id": f"t{n}"}])
        for n in range(6)
    ]  # fmt: skip
    for mode in ("input_explosion", "verbosity", "tool_avalanche"):
        found = of_mode([*usual(), *steps], mode)
        assert found, mode
        assert all(one.unpriced for one in found), mode
    [dear] = of_mode([*usual(), odd(0, input_tokens=1000, output_tokens=60_000)], "verbosity")
    assert not dear.unpriced


def test_a_cascade_of_estimated_tokens_is_estimated() -> None:
    fields: Any = {"input_tokens": 1000, "request_hash": "r", "usage_basis": "estimated"}
    tries = [odd(i, status="error", error_type="ReadTimeout", **fields) for i in range(3)]
    [found] = of_mode([*usual(), *tries], "retry_cascade")
    assert found.usd
    assert found.basis == "estimated"


def test_retry_cascade_counts_attempts_of_one_request() -> None:
    tries = [
        odd(i, input_tokens=0, output_tokens=0, request_hash="r", status="error",
            error_type="RateLimitError", lost_ms=1500)
        for i in range(2)
    ]  # fmt: skip
    delivered = odd(3, input_tokens=1000, request_hash="r")
    [found] = of_mode([*usual(), *tries, delivered], "retry_cascade")
    assert "3 attempts (RateLimitError)" in found.title
    assert "3.0 s lost" in found.evidence[0]
    assert of_mode([*usual(), tries[0], delivered], "retry_cascade") == []


def test_without_hashes_attempts_are_known_by_their_agent_and_action() -> None:
    refused: Any = {"status": "error", "error_type": "RateLimitError", "agent": "a"}
    tries = [odd(0, **refused), odd(1, agent="b"), odd(2, **refused), odd(3, agent="a")]
    [found] = of_mode([*usual(), *tries], "retry_cascade")
    assert found.calls == tuple(tries[at].id for at in (0, 2, 3))
    others = [odd(0, **refused), odd(1, agent="a"), odd(2, **refused), odd(3, agent="a")]
    assert of_mode([*usual(), *others], "retry_cascade") == []
    apart = [odd(0, **refused), odd(60, **refused), odd(120, agent="a")]
    assert of_mode([*usual(), *apart], "retry_cascade") == []


def test_attempts_below_the_framework_count_too() -> None:
    [found] = of_mode([*usual(), odd(1, input_tokens=900, attempts=4)], "retry_cascade")
    assert found.title.endswith("1 request took 4 attempts")
    assert found.evidence[1] == "1 request was tried at least 3 times"


def plain_burst(calls: list[Call]) -> list[Call]:
    """The rule as it reads: each failed call with all that failed within five minutes of it."""
    failed = [c for c in calls if c.status == "error"]
    for place, first in enumerate(failed):
        close = [c for c in failed[place:] if c.start_us <= first.start_us + 300_000_000]
        if len(close) >= 5 and len(close) > 0.1 * len(calls):
            return close
    return []


@given(st.lists(st.tuples(st.integers(0, 2400), st.booleans()), max_size=60))
def test_a_burst_is_found_as_the_rule_reads(seconds: list[tuple[int, bool]]) -> None:
    calls = [
        Call(f"c{n}", second * 1_000_000, status="error" if failed else "ok")
        for n, (second, failed) in enumerate(sorted(seconds))
    ]
    assert retry_cascade._burst(calls) == plain_burst(calls)


def test_a_task_of_many_failed_calls_is_looked_at_in_a_moment() -> None:
    calls = [Call(f"c{n}", n * 400_000, task="t", status="error") for n in range(0, 300_000, 10)]
    began = process_time()
    assert retry_cascade._burst(calls) == []
    assert process_time() - began < 2, "each with each takes more than ten"


def asks(minute: float, name: str, args: str, result: str, **fields: Any) -> Call:
    use = {"name": name, "args_hash": args, "result_hash": result, "status": "ok", **fields}
    return odd(minute, input_tokens=1000, tool_calls=[use])


def test_the_same_call_with_the_same_result_is_a_loop() -> None:
    loop = [asks(i, "search", "a", "r") for i in range(5)]
    [found] = of_mode([*usual(), *loop], "tool_avalanche")
    assert "“search” gave the same result 5 times" in found.title
    assert len(found.calls) == 4
    polling = [asks(i, "poll", "a", f"r{i}") for i in range(5)]
    assert of_mode([*usual(), *polling], "tool_avalanche") == []


def test_the_same_error_three_times() -> None:
    loop = [asks(i, "edit", f"a{i}", "not found", status="error") for i in range(3)]
    [found] = of_mode([*usual(), *loop], "tool_avalanche")
    assert "same error 3 times" in found.title
    unheard = [asks(i, "edit", f"a{i}", "", status="error") for i in range(3)]
    assert of_mode([*usual(), *unheard], "tool_avalanche") == []


def test_taking_turns() -> None:
    turns = [asks(i, "ab"[i % 2], "x", f"r{i}") for i in range(6)]
    [found] = of_mode([*usual(), *turns], "tool_avalanche")
    assert "“a” and “b” took turns 3 times" in found.title


def test_two_calls_of_one_tool_that_take_turns() -> None:
    turns = [asks(i, "search", "ab"[i % 2], f"r{i}") for i in range(6)]
    [found] = of_mode([*usual(), *turns], "tool_avalanche")
    assert found.title == "Two calls of “search” took turns 3 times"


def test_one_task_can_be_asked_about() -> None:
    loop = [asks(i, "search", "a", "r") for i in range(5)]
    assert forensics.find([*usual(), *loop], FACTS, task="usual1") == []
    assert forensics.find([*usual(), *loop], FACTS, task="odd") != []


def test_latency_goes_with_output() -> None:
    calls = [
        call(i, action="step", input_tokens=500 - i, output_tokens=10 + i, duration_ms=100 + 9 * i)
        for i in range(20)
    ]
    [row] = forensics.relations(calls)
    assert (row.latency_output, row.latency_input) == (pytest.approx(1), pytest.approx(-1))
    assert forensics.relations(calls[:19]) == []


@settings(deadline=None, max_examples=50)
@given(st.randoms(use_true_random=False))
def test_order_of_calls_does_not_matter(rng: Any) -> None:
    calls = [*usual(), odd(1, input_tokens=80_000), *[asks(9 + i, "s", "a", "r") for i in range(5)]]
    shuffled = list(calls)
    rng.shuffle(shuffled)
    assert forensics.find(shuffled, FACTS) == forensics.find(calls, FACTS)


def test_a_first_step_is_compared_with_first_steps() -> None:
    many = usual(count=30)
    large = [odd(0, input_tokens=25_000), odd(1, input_tokens=26_000)]
    [found] = of_mode([*many, *large], "input_explosion")
    assert "entered at step 1" in found.title
    agents = [
        call(9000 + t * 10 + step, task=f"agent{t}", action="step", output_tokens=100,
             input_tokens=25_000 + 1000 * step)
        for t in range(30)
        for step in range(3)
    ]  # fmt: skip
    assert of_mode([*agents, *large], "input_explosion") == []


def test_a_cause_is_called_one_only_when_it_explains_the_cost() -> None:
    loop = [asks(i, "search", "a", "r") for i in range(4)]
    dear = odd(50, input_tokens=900_000)
    [small] = of_mode([*usual(), *loop, dear], "tool_avalanche")
    assert small.title == "“search” gave the same result 4 times"
    [whole] = of_mode([*usual(), *loop, *loop[:0]], "tool_avalanche")
    assert whole.usd == 3 * loop[0].amount_usd


def test_very_many_tool_calls_show_when_one_task_is_asked_about() -> None:
    ordinary = [
        call(t, task=f"t{t}", input_tokens=100, tool_calls=[{"name": "ls", "args_hash": str(n)}
                                                           for n in range(4 + t % 3)])
        for t in range(30)
    ]  # fmt: skip
    busy = odd(1, input_tokens=9000,
               tool_calls=[{"name": "ls", "args_hash": str(n)} for n in range(80)])  # fmt: skip
    asked = forensics.find([*ordinary, busy], FACTS, task="odd")
    [found] = [f for f in asked if f.category == "tool_avalanche"]
    assert "because it made 80 tool calls (usually 5)" in found.title


def test_a_stream_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forensics, "KEPT", 10)
    monkeypatch.setattr(_shape, "SAMPLE", 10)

    class Days:
        """Three tasks a day, one of them in a loop; read as often as asked."""

        def __init__(self, days: int) -> None:
            self._days = days

        def __iter__(self) -> Iterator[Call]:
            for day in range(self._days):
                for n in range(12):
                    uses = [{"name": "ls", "args_hash": "a", "result_hash": "r"}] * 5
                    yield call(
                        day * 1440 + n * 60, id=f"{day}.{n}", task=f"{day}.{n % 3}",
                        duration_ms=9, tool_calls=uses if n % 3 else [], input_tokens=100 + n,
                    )  # fmt: skip

    def peak(days: int) -> int:
        with traced() as most:
            assert len(forensics.find(Days(days), FACTS)) == 10
            [row] = forensics.relations(Days(days))
            assert row.calls == days * 12
            return most()

    peak(20)
    assert peak(120) < 2 * peak(30)  # prices are kept by day


def test_a_stream_finds_what_a_list_finds() -> None:
    calls = [*usual(), odd(1, input_tokens=80_000), odd(2, output_tokens=90_000)]
    assert forensics.find(iter(calls), FACTS) == forensics.find(calls[::-1], FACTS) != []
