from __future__ import annotations

from collections.abc import Iterator

from finops_pack.model import Call
from finops_pack.sessions import groups, session_of, task_of
from tests.facts import call


def test_a_group_is_handed_on_once_it_has_been_silent_for_a_day() -> None:
    asked = []

    def stream() -> Iterator[Call]:
        for day in range(4):
            asked.append(day)
            yield call(day * 1441, id=f"{day}", session=f"s{day % 2}")

    assert [(len(group), len(asked)) for group in groups(stream())] == [
        (1, 2), (1, 3), (1, 4), (1, 4)
    ]  # fmt: skip


def test_a_list_may_come_in_any_order() -> None:
    calls = [call(minute, id=f"{minute}", session="s") for minute in (3, 1, 2)]
    assert [[c.id for c in group] for group in groups(calls)] == [["1", "2", "3"]]


def test_what_reached_no_provider_is_in_no_group() -> None:
    assert not list(groups([call(0, status="cache_hit")]))


def test_a_call_stands_for_itself_where_nothing_else_is_known() -> None:
    one = call(0, id="c", session=None, task=None)
    assert (session_of(one), task_of(one)) == ("c", "c")
