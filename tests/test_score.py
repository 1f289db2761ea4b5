from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from finops_pack import score, trend, waste
from finops_pack.model import Call, Task
from tests.facts import FACTS, Table, call


def spending(count: int = 25, **fields: object) -> list[Call]:
    return [call(i, id=f"{i}", input_tokens=10_000, request_hash=f"{i}", **fields)
            for i in range(count)]  # fmt: skip


def judge(calls: list[Call], *tasks: Task) -> score.Score:
    return score.score(
        calls, waste.find(calls, FACTS), Table(tasks={task.id: task for task in tasks})
    )


def test_a_point_is_a_percent_of_the_money() -> None:
    calls = [
        *spending(23),
        call(30, id="bad", session="s", verifier="schema", input_tokens=10_000),
        call(31, id="mended", session="s", input_tokens=10_000, cache_read_tokens=10_000),
    ]
    found = judge(calls)
    lost = Decimal("0.003") / (Decimal("0.03") * 24 + Decimal("0.003"))
    assert found.score == pytest.approx(float(100 - 100 * lost))
    [points] = found.points
    assert points.points == pytest.approx(float(100 * lost))
    assert (points.category, points.calls) == ("hallucination_recovery", ("mended",))
    assert found.avoidable_usd == Decimal("0.003")


def test_nothing_avoidable_is_a_hundred() -> None:
    found = judge(spending())
    assert (found.score, found.reason, found.points) == (100.0, None, ())
    assert (found.tasks, found.usd_per_task, found.usd_per_success) == (25, Decimal("0.03"), None)
    assert judge([]).usd_per_task is None


def test_a_task_costs_here_what_it_costs_in_a_trend() -> None:
    calls = [*spending(5, task="t"), *spending(3)]
    found, told = judge(calls), trend.compare(calls, (), FACTS)
    assert (found.tasks, found.usd_per_task) == (told.now_tasks, told.now_usd)
    assert (found.tasks, found.usd_per_task) == (4, Decimal("0.06")), "a call alone is one too"


def test_too_little_is_said_and_costs_stay() -> None:
    found = judge(spending(19, task="t"))
    assert found.score is None
    assert found.reason == (
        "insufficient data: 19 calls and $0.57; at least 20 calls and $0.10 are needed"
    )
    assert found.usd_per_task == Decimal("0.57")
    assert judge([]).reason is not None


@pytest.mark.parametrize(
    ("pico", "said"),
    [(280_000_000, "$0.00028"), (93_262_500_000, "$0.093"), (99_900_000_000, "$0.099")],
)
def test_too_little_has_the_digits_of_every_other_screen(pico: int, said: str) -> None:
    reason = judge([replace(spending(1)[0], cost_pico=pico)]).reason
    assert reason is not None
    assert reason.startswith(f"insufficient data: 1 call and {said};")


def test_calls_that_reached_nobody_do_not_count() -> None:
    assert judge([*spending(19), call(99, status="cache_hit")]).score is None


def test_cost_per_task_is_over_the_whole_tree() -> None:
    calls = [*spending(10, task="root"), *spending(10, task="child"), *spending(5, task="other")]
    found = judge(calls, Task("root", 0), Task("child", 0, parent="root"), Task("other", 0))
    assert found.tasks == 2
    assert found.usd_per_task == Decimal("0.375")


def test_cost_per_success_is_over_tasks_of_known_outcome() -> None:
    calls = [c for task in "abcd" for c in spending(5, task=task)]
    tasks = (
        Task("a", 0, outcome="succeeded"),
        Task("b", 0, outcome="failed"),
        Task("c", 0, outcome="succeeded"),
        Task("d", 0),
    )
    found = judge(calls, *tasks)
    assert (found.succeeded, found.failed) == (2, 1)
    assert found.usd_per_success == Decimal("0.225")


def test_the_document() -> None:
    told = judge(spending(task="t"), Task("t", 0, outcome="succeeded")).to_dict()
    assert told["score"] == 100.0
    assert told["total_cost_usd"] == told["usd_per_success"] == "0.75"
    assert told["points"] == []


def test_parents_in_a_circle_end() -> None:
    tasks = (Task("a", 0, parent="b"), Task("b", 0, parent="a"))
    assert judge(spending(task="a"), *tasks).tasks == 1


def test_a_task_without_a_price_is_not_one_that_cost_nothing() -> None:
    calls = [*spending(20, task="t"), call(99, task="dark", model="unheard of")]
    assert judge(calls).tasks == 1


def test_a_task_that_only_holds_others_is_the_unit_of_their_cost() -> None:
    class Rows(Table):
        def tasks(self, ids: Iterable[str]) -> Mapping[str, Task]:
            return {name: row for name, row in self._tasks.items() if name in set(ids)}

    rows = {"outer": Task("outer", 0, outcome="succeeded")}
    rows |= {name: Task(name, 0, parent="outer") for name in ("a", "b")}
    calls = [call(n, task=name, input_tokens=1000) for n, name in enumerate(("a", "b"))]
    found = score.score(calls, waste.find(calls, FACTS), Rows(tasks=rows))
    assert (found.tasks, found.succeeded, found.usd_per_task) == (1, 1, Decimal("0.006"))
