from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from finops_pack.model import Call
from finops_pack.sessions import groups, session_of, task_of, threads
from tests.facts import call, side_by_side


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


def test_those_of_one_moment_stay_in_the_order_they_are_given() -> None:
    named = [f"t/{n}" for n in (8, 9, 10, 11)]
    [group] = groups([call(0, id=name, session="s") for name in named])
    assert [c.id for c in group] == named


def test_what_reached_no_provider_is_in_no_group() -> None:
    assert not list(groups([call(0, status="cache_hit")]))


def test_a_call_stands_for_itself_where_nothing_else_is_known() -> None:
    one = call(0, id="c", session=None, task=None)
    assert (session_of(one), task_of(one)) == ("c", "c")


def told(minute: float, agent: str, asks: str = "", brings: str = "", **more: Any) -> Call:
    """A call that asks for the tools of these one-letter ids, and brings in results of those."""
    return call(
        minute,
        agent=agent,
        tool_calls=[{"id": one} for one in asks],
        tool_results=[{"tool_call_id": one} for one in brings],
        **more,
    )


def test_agents_of_one_name_at_work_at_once_are_conversations_of_their_own() -> None:
    assert threads(side_by_side(3)) == [0, 1, 2, 1, 2, 1, 2]


def test_an_agent_goes_on_with_what_it_said_last() -> None:
    turns = [told(0, "a"), told(1, "a", "xy"), told(2, "a", "z", "x"), told(3, "a", "", "yz")]
    assert threads([*turns, told(4, "a"), told(5, "b")]) == [0, 0, 0, 0, 0, 5]


def test_an_agent_that_another_call_has_started_begins_anew() -> None:
    main = [told(0, "main", id="m0"), told(2, "main", id="m2")]
    agents = [told(1, "a", parent="m0"), told(3, "a", parent="m2"), told(4, "a", parent="m2")]
    assert threads([main[0], agents[0], main[1], *agents[1:]]) == [0, 1, 0, 3, 3]


def test_ids_of_tools_that_come_again_lead_to_the_last_call_that_used_them() -> None:
    assert threads([told(0, "a", "x"), told(1, "a", "x", "x"), told(2, "a", "", "x")]) == [0] * 3


def test_tools_whose_results_are_not_seen_keep_nobody_waiting() -> None:
    assert threads([told(0, "a", "x"), told(1, "a", "y"), told(2, "a")]) == [0, 0, 0]


def test_an_agent_that_handed_on_and_is_handed_back_to_goes_on() -> None:
    calls = [told(0, "a", "x"), told(1, "b", "y", "x"), told(2, "a", "", "y")]
    assert threads(calls) == [0, 1, 0]
