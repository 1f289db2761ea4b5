"""CrewAI's kickoffs: whose task they are, and that nothing of them is left when they end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

import finops_pack
from finops_pack.model import Call
from finops_pack.testing import Reply, Wire
from tests.adapters.test_nested import ask, in_graph

Calls = Callable[[], list[Call]]
Sdk = Callable[[], Any]
pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # CrewAI's own
    pytest.mark.skipif(find_spec("crewai") is None, reason="the set with openai 3 has no CrewAI"),
]


def crew_of(llm: Any, role: str = "writer", **settings: Any) -> Any:
    from crewai import Agent, Crew, Task

    agent = Agent(role=role, goal="g", backstory="b", llm=llm, **settings)
    return Crew(agents=[agent], tasks=[Task(description="d", expected_output="e", agent=agent)])


def test_a_crew_in_a_graph_is_of_its_task(sdk: Sdk, llm: Any, calls: Calls) -> None:
    in_graph(ask(sdk), lambda: crew_of(llm()).kickoff_async(), lambda: crew_of(llm()).akickoff())
    rows = calls()
    assert len({row.task for row in rows}) == 1
    assert [row.agent for row in rows] == [None, "writer", "writer"]
    assert {row.session for row in rows} == {"chat"}


def test_a_crew_and_langchain_in_a_crews_tool_are_of_its_task(
    llm: Any, chat: Any, calls: Calls, wire: Wire
) -> None:
    from crewai.tools import tool

    @tool("delegate")
    def delegate() -> str:
        """Asks the others."""
        chat().invoke("hi")
        return str(crew_of(llm(), role="inner").kickoff())

    wire.script(Reply(tools=[("c1", "delegate", {})]))
    crew_of(llm(), role="outer", tools=[delegate]).kickoff()
    rows = calls()
    assert [row.agent for row in rows if row.adapter == "crewai"] == ["outer", "inner", "outer"]
    assert [row.adapter for row in rows].count("langchain") == 1
    assert len({row.task for row in rows}) == 1


def test_what_a_coworker_is_asked_is_for_who_asked_the_crew(
    llm: Any, calls: Calls, wire: Wire
) -> None:
    from crewai import Process

    def research() -> None:
        crew = crew_of(llm())
        crew.process, crew.manager_llm = Process.hierarchical, llm()
        crew.kickoff()

    asked = {"task": "t", "context": "c", "coworker": "writer"}
    wire.script(Reply(tools=[("c1", "delegate_work_to_coworker", asked)]))
    research()
    rows = calls()
    assert [row.agent for row in rows] == ["Crew Manager", "writer", "Crew Manager"]
    assert {row.action for row in rows} == {"research"}


@pytest.mark.parametrize("said", [None, "theirs"])
def test_all_that_a_named_crew_asks_is_of_its_project(
    llm: Any, chat: Any, gpt: Any, calls: Calls, wire: Wire, said: str | None
) -> None:
    from crewai.tools import tool
    from langchain_core.runnables import RunnableLambda

    @tool("delegate")
    def delegate() -> str:
        """Asks the others."""
        chat().invoke("hi")
        RunnableLambda(lambda _: gpt()).invoke("hi")
        finops_pack.record(model="gpt-4o", usage=finops_pack.Usage(1, 1))
        return str(crew_of(llm(), role="inner").kickoff())

    wire.script(Reply(tools=[("c1", "delegate", {})]))
    crew = crew_of(llm(), role="outer", tools=[delegate])
    crew.name = "support"
    with finops_pack.track(project=said):
        crew.kickoff()
        gpt()
        *inside, after = calls()
    assert len(inside) == 6
    assert {row.project for row in inside} == {said or "support"}
    assert after.project == said


def test_the_crews_of_a_flow_are_one_task(llm: Any, sdk: Sdk, calls: Calls) -> None:
    from crewai.flow.flow import Flow, listen, start

    class Work(Flow):  # type: ignore[type-arg]
        @start()
        async def first(self) -> None:
            await crew_of(llm()).akickoff()

        @listen(first)
        def second(self) -> None:
            crew_of(llm()).kickoff()

    Work().kickoff()
    asyncio.run(Work().kickoff_async())
    tasks = [row.task for row in calls()]
    assert tasks[0] == tasks[1] != tasks[2] == tasks[3]


def test_an_agent_alone_is_a_task(llm: Any, calls: Calls) -> None:
    from crewai import Agent

    agent = Agent(role="alone", goal="g", backstory="b", llm=llm())
    agent.kickoff("hi")
    asyncio.run(agent.kickoff_async("hi"))
    rows = calls()
    assert {row.agent for row in rows} == {"alone"}
    assert len({row.task for row in rows} - {None}) == 2


class Stop(BaseException):
    """As `KeyboardInterrupt`, which would stop the tests too."""


@pytest.mark.parametrize("way", ["kickoff", "akickoff", "flow", "agent"])
def test_a_crew_that_is_stopped_leaves_nothing(
    llm: Any, sdk: Sdk, calls: Calls, wire: Wire, way: str
) -> None:
    from crewai import Agent
    from crewai.flow.flow import Flow, start
    from crewai.tools import tool

    @tool("stop")
    def stop() -> str:
        """Stops it all."""
        raise Stop

    class Work(Flow):  # type: ignore[type-arg]
        @start()
        async def first(self) -> None:
            await crew_of(llm(), tools=[stop]).akickoff()

    def run() -> Any:
        wire.script(Reply(tools=[("c1", "stop", {})]))
        if way == "flow":
            return Work().kickoff_async()
        if way == "agent":
            return Agent(role="r", goal="g", backstory="b", llm=llm(), tools=[stop]).kickoff("hi")
        return getattr(crew_of(llm(), tools=[stop]), way)()

    async def later() -> None:
        with pytest.raises(Stop):
            await run()
        await ask(sdk)()

    if way in ("kickoff", "agent"):
        with pytest.raises(Stop):
            run()
        asyncio.run(ask(sdk)())
    else:
        asyncio.run(later())
    first, second = calls()
    assert first.task is not None
    assert (second.task, second.agent) == (None, None)
