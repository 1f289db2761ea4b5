"""Frameworks inside frameworks: one task, the inner agent's name, and nothing left when it ends."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import pytest

import finops_pack
from finops_pack.model import Call
from finops_pack.testing import Reply, Wire
from tests.test_context import task_row

Calls = Callable[[], list[Call]]
Sdk = Callable[[], Any]
pytestmark = pytest.mark.filterwarnings("ignore")  # the frameworks' own
HI: Any = [{"role": "user", "content": "hi"}]


@pytest.fixture
def traced() -> None:
    """The OpenAI Agents SDK with our processor alone: its own would post to another host."""
    from agents import set_trace_processors

    set_trace_processors([])


def pydantic_agent(sdk: Sdk, name: str, **settings: Any) -> Any:
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(openai_client=sdk())
    return Agent(OpenAIChatModel("gpt-4o", provider=provider), name=name, **settings)


def traced_agent(sdk: Sdk, name: str, **settings: Any) -> Any:
    from agents import Agent, OpenAIChatCompletionsModel

    model = OpenAIChatCompletionsModel(model="gpt-4o", openai_client=sdk())
    return Agent(name=name, model=model, **settings)


def microsoft_agent(wire: Wire, name: str, **settings: Any) -> Any:
    from agent_framework import Agent
    from agent_framework.openai import OpenAIChatClient

    client = OpenAIChatClient(model="gpt-4o", api_key="none", base_url=wire.openai_url)
    return Agent(client=client, name=name, **settings)


def graph_of(node: Any) -> Any:
    from langgraph.graph import END, START, StateGraph

    graph = StateGraph(dict)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    graph.add_edge("node", END)
    return graph.compile()


def in_graph(*acts: Callable[[], Any]) -> None:
    """Run them in a node of a graph, one after the other."""

    async def node(state: dict[str, Any]) -> dict[str, Any]:
        for act in acts:
            await act()
        return state

    asyncio.run(graph_of(node).ainvoke({}, config={"configurable": {"thread_id": "chat"}}))


def ask(sdk: Sdk) -> Callable[[], Any]:
    async def act() -> Any:
        return await sdk().chat.completions.create(model="gpt-4o", messages=HI)

    return act


def test_agents_in_a_graph_are_of_its_task(
    wire: Wire, client: Any, sdk: Sdk, calls: Calls, traced: None
) -> None:
    from agents import Runner
    from autogen_core.models import UserMessage

    in_graph(
        ask(sdk),
        lambda: pydantic_agent(sdk, "pydantic").run("hi"),
        lambda: Runner.run(traced_agent(sdk, "traced"), "hi"),
        lambda: microsoft_agent(wire, "microsoft").run("hi"),
        lambda: client.create([UserMessage(content="hi", source="user")]),
    )
    rows = calls()
    assert len({row.task for row in rows}) == 1
    assert [row.agent for row in rows] == [None, "pydantic", "traced", "microsoft", None]
    assert {row.session for row in rows} == {"chat"}
    assert {row.action for row in rows} == {"node"}


def test_a_team_in_a_graph_is_of_its_task(sdk: Sdk, client: Any, calls: Calls) -> None:
    from autogen_agentchat.agents import AssistantAgent
    from autogen_agentchat.conditions import MaxMessageTermination
    from autogen_agentchat.teams import RoundRobinGroupChat

    team = RoundRobinGroupChat(
        [AssistantAgent("one", client), AssistantAgent("two", client)],
        termination_condition=MaxMessageTermination(3),
    )
    in_graph(ask(sdk), lambda: team.run(task="go"))
    rows = calls()
    assert len({row.task for row in rows}) == 1
    assert [row.agent for row in rows] == [None, "one", "two"]


def test_an_agent_that_a_tool_asks_is_itself(sdk: Sdk, calls: Calls, wire: Wire) -> None:
    inner, outer = pydantic_agent(sdk, "inner"), pydantic_agent(sdk, "outer")

    @outer.tool_plain  # type: ignore[untyped-decorator]
    async def delegate() -> str:
        return str((await inner.run("hi")).output)

    wire.script(Reply(tools=[("c1", "delegate", {})]))
    asyncio.run(outer.run("hi"))
    rows = calls()
    assert [row.agent for row in rows] == ["outer", "inner", "outer"]
    assert len({row.task for row in rows}) == 1


def test_an_agent_as_a_tool_is_itself(sdk: Sdk, calls: Calls, wire: Wire, traced: None) -> None:
    from agents import Runner

    tool = traced_agent(sdk, "inner").as_tool("delegate", "asks the other")
    wire.script(Reply(tools=[("c1", "delegate", {"input": "hi"})]))
    asyncio.run(Runner.run(traced_agent(sdk, "outer", tools=[tool]), "hi"))
    rows = calls()
    assert [row.agent for row in rows] == ["outer", "inner", "outer"]
    assert len({row.task for row in rows}) == 1


def test_what_the_user_said_of_the_agent_stays(sdk: Sdk, calls: Calls) -> None:
    with finops_pack.context.Scope(agent="mine"):
        asyncio.run(pydantic_agent(sdk, "other").run("hi"))
    assert [row.agent for row in calls()] == ["mine"]


@pytest.mark.parametrize("inner", ["agent", "model"])
def test_langchain_in_another_agents_tool_is_of_its_task(
    sdk: Sdk, chat: Any, calls: Calls, wire: Wire, inner: str
) -> None:
    from langchain.agents import create_agent

    outer = pydantic_agent(sdk, "outer")

    @outer.tool_plain  # type: ignore[untyped-decorator]
    def delegate() -> str:
        if inner == "agent":
            create_agent(chat(), [], name="inner").invoke({"messages": [("user", "hi")]})
        else:
            chat().invoke("hi")
        return "done"

    wire.script(Reply(tools=[("c1", "delegate", {})]))
    asyncio.run(outer.run("hi"))
    rows = calls()
    name = "inner" if inner == "agent" else "outer"
    assert [row.agent for row in rows] == ["outer", name, "outer"]
    assert len({row.task for row in rows}) == 1


@pytest.mark.parametrize("outer", ["graph", "agent"])
@pytest.mark.parametrize("inner", ["model", "chain", "agent"])
def test_langchain_in_another_agents_tool_in_a_graph_is_that_agents(
    sdk: Sdk, chat: Any, calls: Calls, wire: Wire, outer: str, inner: str
) -> None:
    from langchain.agents import create_agent
    from langchain_core.runnables import RunnableLambda
    from langchain_core.tools import tool

    asks: dict[str, Callable[[], Any]] = {
        "model": lambda: chat().invoke("hi"),
        "chain": lambda: (RunnableLambda(str) | chat()).invoke("hi"),
        "agent": lambda: create_agent(chat(), [], name="inmost").invoke({"messages": HI}),
    }
    between = pydantic_agent(sdk, "between")

    @between.tool_plain  # type: ignore[untyped-decorator]
    def delegate() -> str:
        asks[inner]()
        return "done"

    @tool
    async def work() -> str:
        """Works."""
        return str((await between.run("hi")).output)

    if outer == "graph":
        wire.script(Reply(tools=[("c1", "delegate", {})]))
        in_graph(lambda: between.run("hi"))
    else:
        wire.script(Reply(tools=[("c0", "work", {})]), Reply(tools=[("c1", "delegate", {})]))
        asyncio.run(create_agent(chat(), [work], name="outer").ainvoke({"messages": HI}))
    rows, around = calls(), ["outer"] * (outer == "agent")
    inmost = "inmost" if inner == "agent" else "between"
    assert [row.agent for row in rows] == [*around, "between", inmost, "between", *around]
    assert len({row.task for row in rows}) == 1


def test_a_stream_of_agent_framework_has_its_name_and_the_reader_not(
    wire: Wire, sdk: Sdk, calls: Calls
) -> None:
    async def read() -> None:
        async for _ in microsoft_agent(wire, "helper").run("hi", stream=True):
            break
        await ask(sdk)()

    asyncio.run(read())
    gc.collect()  # the stream was left, not closed
    by_agent = {row.agent: row.task for row in calls()}
    assert by_agent.keys() == {"helper", None}
    assert by_agent["helper"] is not None
    assert by_agent[None] is None


def test_the_users_own_task_in_an_agents_run_wins(sdk: Sdk, chat: Any, calls: Calls) -> None:
    """What follows is the agent's again, and what follows the agent is nobody's."""
    from finops_pack import context
    from finops_pack.adapters._above import Work

    with Work("outer") as work:
        assert context.in_task() == "outer"
        with finops_pack.task("mine"):
            assert context.in_task() == "mine"
            chat().invoke("hi")
        assert finops_pack.record(model="gpt-4o", usage=finops_pack.Usage(1, 1))
    chat().invoke("hi")
    first, second, third = calls()
    assert (first.task, second.task, work.open) == ("mine", "outer", False)
    assert third.task not in ("mine", "outer")
    assert task_row("mine").parent == "outer"


def test_a_run_that_ends_elsewhere_gives_way_to_the_one_around_it() -> None:
    from contextvars import copy_context

    from finops_pack import context
    from finops_pack.adapters._above import Work

    with Work("outer"):
        inner = Work("inner", agent="one").__enter__()
        assert (inner.task, context.around()) == ("outer", inner)
        copy_context().run(inner.__exit__)
        assert context.in_task() == "outer"
        again = Work().__enter__()
        assert again.before is not inner
        again.__exit__()
    assert context.around() is None


def test_an_agent_that_a_teams_agent_asks_is_itself(client: Any, calls: Calls, wire: Wire) -> None:
    from autogen_agentchat.agents import AssistantAgent
    from autogen_agentchat.conditions import MaxMessageTermination
    from autogen_agentchat.teams import RoundRobinGroupChat
    from autogen_agentchat.tools import AgentTool

    tool = AgentTool(AssistantAgent("inner", client))
    outer = AssistantAgent("outer", client, tools=[tool], max_tool_iterations=2)
    team = RoundRobinGroupChat([outer], termination_condition=MaxMessageTermination(2))
    for run in (outer.run, team.run):
        wire.script(Reply(tools=[("c1", "inner", {"task": "hi"})]))
        asyncio.run(run(task="go"))
    alone, together = calls()[:3], calls()[3:]
    assert [row.agent for row in alone] == [row.agent for row in together]
    assert [row.agent for row in together] == ["outer", "inner", "outer"]
    assert len({row.task for row in alone}) == len({row.task for row in together}) == 1
    assert alone[0].task != together[0].task


def test_the_agents_of_a_workflow_are_of_one_task(wire: Wire, calls: Calls) -> None:
    from agent_framework import WorkflowBuilder

    async def both() -> None:
        one, two = microsoft_agent(wire, "one"), microsoft_agent(wire, "two")
        flow = WorkflowBuilder(start_executor=one).add_edge(one, two).build()
        await flow.run("hi")
        async for _ in flow.run("hi", stream=True):
            pass

    asyncio.run(both())
    rows = calls()
    assert [row.agent for row in rows] == ["one", "two"] * 2
    assert rows[0].task == rows[1].task != rows[2].task == rows[3].task
