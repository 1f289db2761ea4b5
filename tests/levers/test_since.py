from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops_pack import levers
from finops_pack.model import Call
from tests.facts import call


def tasks(action: str, sizes: list[int], **fields: Any) -> list[Call]:
    """One call a task, each of so many thousand input tokens ($0.003 a thousand)."""
    return [
        call(i, task=f"{action}{i}", action=action, input_tokens=1000 * size, **fields)
        for i, size in enumerate(sizes)
    ]


def saved(before: list[Call], since: list[Call], **fields: Any) -> levers.Saving:
    was, now = levers.spent(before), levers.spent(iter(since))
    found = levers.saving(was, now, days_before=30, days=15, **fields)
    assert found is not None
    return found


def test_cheaper_tasks_are_a_saving() -> None:
    found = saved(tasks("a", [100] * 10), tasks("a", [60] * 10))
    assert found.usd == pytest.approx(10 * 0.12 * 2)
    assert (found.low, found.high) == (pytest.approx(found.usd), pytest.approx(found.usd))
    assert (found.tasks, found.before) == (10, 10)


def test_another_mix_of_tasks_is_none() -> None:
    before = tasks("dear", [500] * 10) + tasks("cheap", [10] * 10)
    since = tasks("dear", [500] * 2) + tasks("cheap", [10] * 30)
    assert saved(before, since).usd == pytest.approx(0)


def test_tasks_of_a_new_kind_are_left_out_and_told() -> None:
    found = saved(tasks("a", [100] * 6), tasks("a", [100] * 6) + tasks("b", [900] * 3))
    assert found.usd == pytest.approx(0)
    assert (found.tasks, found.new_tasks) == (6, 3)


def test_fewer_runs_are_a_saving_a_day() -> None:
    before, since = tasks("beat", [100] * 60), tasks("beat", [100] * 15)
    assert saved(before, since).usd == pytest.approx(0)
    found = saved(before, since, measure="day")
    assert found.usd == pytest.approx(30 * (60 * 0.3 / 30 - 15 * 0.3 / 15))


def test_too_few_tasks_say_nothing() -> None:
    few, many = levers.spent(tasks("a", [1] * 4)), levers.spent(tasks("a", [1] * 9))
    assert levers.saving(few, many, days_before=1, days=1) is None
    assert levers.saving(many, few, days_before=1, days=1) is None


def test_the_scope_is_what_the_lever_is_about() -> None:
    calls = [
        call(0, project="p", action="a", input_tokens=9),
        call(1, project="p", input_tokens=9),
        call(2, project="p", action="a", model="small", input_tokens=9),
        call(3, action="a"),
    ]

    def named(**scope: str) -> list[str]:
        return [one.id for one in levers.in_scope(iter(calls), scope)]

    assert named() == ["c0", "c1", "c2"]  # the last cost nothing
    assert named(action="a") == ["c0", "c2"]
    assert named(action="", project="p") == ["c1"]
    assert named(model="small") == ["c2"]


def test_of_a_task_its_kind_and_its_sum_are_kept() -> None:
    calls = [
        call(2, task="t", action="a", input_tokens=1000),
        call(3, task="u", action="b", input_tokens=5000),
        call(4, task="t", action="b", input_tokens=1000),
        call(1, action="a", input_tokens=3000),
    ]
    spent = levers.spent(calls)
    assert {kind[2]: list(costs) for kind, costs in spent.costs.items()} == {
        "a": [0.006, 0.009],
        "b": [0.015],
    }
    assert (spent.tasks, spent.first_us) == (3, calls[3].start_us)
    assert (levers.spent([]).tasks, levers.spent([]).first_us) == (0, None)


sizes = st.lists(st.integers(1, 900), min_size=5, max_size=30)


@settings(deadline=None, max_examples=20)
@given(sizes, sizes)
def test_the_interval_holds_the_estimate_of_equal_work(one: list[int], other: list[int]) -> None:
    found = saved(tasks("a", one), tasks("a", other))
    assert found.low <= found.high
    assert saved(tasks("a", one), tasks("a", one)).usd == pytest.approx(0)
