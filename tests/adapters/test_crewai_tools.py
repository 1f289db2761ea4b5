"""CrewAI's tools and guardrails: whose calls are made in them, and which answers they reject."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

from finops_pack.model import Call
from finops_pack.testing import Reply, Wire
from tests.adapters.test_crewai import FULL, ask_openai, crew_of

Calls = Callable[[], list[Call]]
pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # CrewAI's own
    pytest.mark.skipif(find_spec("crewai") is None, reason="the set with openai 3 has no CrewAI"),
]
TOOLS = [
    {
        "type": "function",
        "function": {"name": "look", "description": "d", "parameters": {"type": "object"}},
    }
]


@pytest.mark.parametrize("settings", [{}, {"model": "openrouter/openai/gpt-4o"}], ids=str)
@pytest.mark.parametrize("outcome", ["found", "failed", "a crew"])
def test_what_a_tool_asks_during_the_models_call_is_its_own(
    wire: Wire, llm: Any, calls: Calls, settings: Any, outcome: str
) -> None:
    """CrewAI runs the functions that it is given before the call that asked for them is over."""
    if settings:
        pytest.importorskip("litellm")
        settings = {**settings, "is_litellm": True}

    def look() -> str:
        if outcome == "a crew":
            crew_of(llm()).kickoff()
        ask_openai(wire)
        if outcome == "failed":
            raise ValueError("the tool's, not the model's")
        return outcome

    wire.script(Reply(tools=[("c1", "look", {})]))
    llm(**settings).call("hi", tools=TOOLS, available_functions={"look": look})
    ask_openai(wire)
    rows = calls()
    assert wire.calls == len(rows)
    asked = ["crewai"] * (2 if outcome == "a crew" else 1) + ["openai"] * 2
    assert [row.adapter for row in rows] == asked
    assert {row.usage == FULL for row in rows} == {True}
    assert {(row.status, row.error_type, row.verifier) for row in rows} == {("ok", None, None)}


def test_what_is_refused_is_told_by_the_call_that_gave_it(
    wire: Wire, llm: Any, calls: Calls
) -> None:
    from crewai import Agent, Crew, Task
    from crewai.tools import tool

    @tool("real")
    def real() -> str:
        """The only one there is."""
        return "done"

    verdicts = iter([False, True])

    def check(output: Any):  # type: ignore[no-untyped-def]  # CrewAI reads the annotation
        return next(verdicts), output.raw

    agent = Agent(role="r", goal="g", backstory="b", llm=llm(), tools=[real])
    task = Task(name="t", description="d", expected_output="e", agent=agent, guardrail=check)
    wire.script(Reply(tools=[("c1", "made_up", {})]))
    Crew(agents=[agent], tasks=[task]).kickoff()
    assert [row.verifier for row in calls()] == ["tool", "guardrail", None]
