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
    found = levers.saving(before, since, days_before=30, days=15, **fields)
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
    few, many = tasks("a", [1] * 4), tasks("a", [1] * 9)
    assert levers.saving(few, many, days_before=1, days=1) is None
    assert levers.saving(many, few, days_before=1, days=1) is None


def test_the_scope_is_what_the_lever_is_about() -> None:
    calls = [
        call(0, project="p", action="a", input_tokens=9),
        call(1, project="p", input_tokens=9),
        call(2, project="p", action="a", model="small", input_tokens=9),
        call(3, action="a"),
    ]
    assert len(levers.in_scope(calls, {})) == 3  # the last cost nothing
    assert len(levers.in_scope(calls, {"action": "a"})) == 2
    assert len(levers.in_scope(calls, {"action": "", "project": "p"})) == 1
    assert len(levers.in_scope(calls, {"model": "small"})) == 1


sizes = st.lists(st.integers(1, 900), min_size=5, max_size=30)


@settings(deadline=None, max_examples=20)
@given(sizes, sizes)
def test_the_interval_holds_the_estimate_of_equal_work(one: list[int], other: list[int]) -> None:
    found = saved(tasks("a", one), tasks("a", other))
    assert found.low <= found.high
    assert saved(tasks("a", one), tasks("a", one)).usd == pytest.approx(0)
