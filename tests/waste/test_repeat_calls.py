from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from finops_pack.model import Call
from tests.facts import call

CATEGORY = "repeat_calls"


def asks(minute: float, tool: str, args: str = "a", result: str | None = "r", **more: Any) -> Call:
    use = {"id": f"t{minute}", "name": tool, "args_hash": args, "result_hash": result}
    fields = {"session": "s", "input_tokens": 1000, "tool_calls": [use], **more}
    return call(minute, **fields)


def test_the_same_question_with_the_same_answer_is_avoidable(found: Any) -> None:
    [one] = found(CATEGORY, asks(0, "read_file"), asks(1, "grep"), asks(2, "read_file"))
    assert (one.calls, one.usd, one.usd_low) == (("c2",), Decimal("0.003"), Decimal("0.003"))
    assert one.basis == "measured"
    assert "asked “read_file” for what call c0 had been told already" in one.evidence[0]


def test_across_a_shell_it_is_an_upper_bound(found: Any) -> None:
    [one] = found(CATEGORY, asks(0, "bash"), asks(1, "bash", "b"), asks(2, "bash"))
    assert (one.usd, one.usd_low, one.usd_high) == (Decimal("0.003"), 0, Decimal("0.003"))
    assert one.basis == "estimated"
    assert "cannot be seen" in one.evidence[0]


def test_again_at_once_is_proven_whatever_the_tool(found: Any) -> None:
    [one] = found(CATEGORY, asks(0, "bash"), asks(1, "bash"), asks(2, "bash"))
    assert (one.calls, one.basis) == (("c1", "c2"), "measured")


def test_across_a_write_it_may_well_be_needed(found: Any) -> None:
    assert found(CATEGORY, asks(0, "run_tests"), asks(1, "EditFile"), asks(2, "run_tests")) == []


@pytest.mark.parametrize("tool", ["modify_pending_order", "cancelReservation", "browser_click"])
def test_what_agents_of_shops_and_browsers_do_changes_things(found: Any, tool: str) -> None:
    assert found(CATEGORY, asks(0, "get_order"), asks(1, tool), asks(2, "get_order")) == []
    [one] = found(CATEGORY, asks(0, tool), asks(1, tool))
    assert one.basis == "estimated"


def test_across_a_write_that_is_told_again_it_may_be_needed_too(found: Any) -> None:
    tools = ["run_tests", "EditFile", "run_tests", "EditFile", "run_tests"]
    [one] = found(CATEGORY, *(asks(minute, tool) for minute, tool in enumerate(tools)))
    assert (one.calls, one.basis) == (("c3",), "estimated")


def test_a_write_that_is_told_again_may_be_wanted(found: Any) -> None:
    [one] = found(CATEGORY, asks(0, "add_to_cart"), asks(1, "add_to_cart"))
    assert (one.calls, one.usd_low, one.basis) == (("c1",), 0, "estimated")


def test_another_answer_is_news(found: Any) -> None:
    assert found(CATEGORY, asks(0, "read"), asks(1, "read", result="other")) == []
    assert found(CATEGORY, asks(0, "read", result=None), asks(1, "read", result=None)) == []


def test_results_are_found_on_the_call_that_carried_them_in(found: Any) -> None:
    first = asks(0, "read", result=None)
    carried = {"tool_call_id": "t0", "result_hash": "r"}
    again = asks(1, "read", result=None, tool_results=[carried])
    last = call(2, session="s", tool_results=[{"tool_call_id": "t1", "result_hash": "r"}])
    [one] = found(CATEGORY, first, again, last)
    assert one.calls == ("c1",)


def test_an_id_that_is_used_again_is_another_tool_call(found: Any) -> None:
    def polls(minute: float, result: str, args: str = "a") -> Call:
        use = {"id": "call_0", "name": "get_status", "args_hash": args}
        told = [{"tool_call_id": "call_0", "result_hash": result}] if result else []
        return asks(minute, "", tool_calls=[use], tool_results=told)

    assert found(CATEGORY, polls(0, ""), polls(1, "queued"), polls(2, "done")) == []
    answer = call(3, session="s", tool_results=[{"tool_call_id": "call_0", "result_hash": "done"}])
    [one] = found(CATEGORY, polls(0, ""), polls(1, "queued"), polls(2, "done"), answer)
    assert one.calls == ("c2",)


def test_a_call_that_also_asked_something_new_is_no_repeat(found: Any) -> None:
    new = {"id": "x", "name": "read", "args_hash": "b", "result_hash": "r2"}
    second = asks(1, "read")
    both = call(1, session="s", input_tokens=1000, tool_calls=[*second.tool_calls, new])
    assert found(CATEGORY, asks(0, "read"), both) == []


def test_another_agent_was_not_told(found: Any) -> None:
    assert found(CATEGORY, asks(0, "read", agent="a"), asks(1, "read", agent="b")) == []


def test_what_recovery_has_claimed_is_not_claimed_again(found: Any) -> None:
    rejected = asks(0, "read", verifier="format")
    assert found(CATEGORY, rejected, asks(1, "read")) == []
