"""Agents, graphs, tools: who made a call, what for, and which answers were refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.tools import tool

from finops_pack.model import Call
from finops_pack.testing import Reply, Wire

Calls = Callable[[], list[Call]]


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
def fetch(url: str) -> str:
    """Fetch a page."""
    raise ConnectionError("no route")


def run(agent: Any, **config: Any) -> Any:
    return agent.invoke({"messages": "hi"}, config=config)


def test_an_agents_calls_say_who_and_what_for(wire: Wire, chat: Any, calls: Calls) -> None:
    wire.script(Reply(tools=[("t1", "add", {"a": 1, "b": 2})]), Reply(text="three"))
    agent = create_agent(chat(), [add], name="adder")
    run(agent, configurable={"thread_id": "talk"})
    asked, told = calls()
    assert (asked.agent, asked.action, asked.session) == ("adder", "model", "talk")
    assert asked.framework == "langgraph"
    assert asked.task == told.task
    (call,) = asked.tool_calls
    (result,) = told.tool_results
    assert (call["id"], call["name"]) == ("t1", "add")
    assert (result["tool_call_id"], result["status"]) == ("t1", "ok")
    assert result["seconds"] >= 0
    assert len(call["args_hash"]) == len(result["result_hash"]) == 16


def test_the_same_arguments_hash_alike_whatever_their_order(
    wire: Wire, chat: Any, calls: Calls
) -> None:
    wire.script(
        Reply(tools=[("t1", "add", {"a": 1, "b": 2})]),
        Reply(tools=[("t2", "add", {"b": 2, "a": 1})]),
        Reply(tools=[("t3", "add", {"a": 2, "b": 1})]),
    )
    run(create_agent(chat(), [add]))
    first, same, other, _ = calls()
    assert first.tool_calls[0]["args_hash"] == same.tool_calls[0]["args_hash"]
    assert first.tool_calls[0]["args_hash"] != other.tool_calls[0]["args_hash"]


def test_a_hallucinated_tool_and_wrong_arguments_are_verifier_events(
    wire: Wire, chat: Any, calls: Calls
) -> None:
    wire.script(
        Reply(tools=[("t1", "subtract", {"a": 1})]),
        Reply(tools=[("t2", "add", {"a": "many"})]),
        Reply(text="done"),
    )
    run(create_agent(chat(), [add]))
    assert [row.verifier for row in calls()] == ["tool", "schema", None]


def test_a_tool_that_fails_is_no_verifier_event(wire: Wire, chat: Any, calls: Calls) -> None:
    from langgraph.graph import MessagesState, StateGraph
    from langgraph.prebuilt import ToolNode

    model = chat().bind_tools([fetch])
    graph = StateGraph(MessagesState)
    graph.add_node("think", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_node("act", ToolNode([fetch], handle_tool_errors=True))
    graph.add_edge("__start__", "think")
    graph.add_conditional_edges(
        "think", lambda state: "act" if state["messages"][-1].tool_calls else "__end__"
    )
    graph.add_edge("act", "think")
    wire.script(Reply(tools=[("t1", "fetch", {"url": "x"})]), Reply(text="could not"))
    run(graph.compile())
    asked, told = calls()
    assert (asked.action, asked.verifier) == ("think", None)
    assert told.tool_results[0]["status"] == "error"


def test_calls_inside_a_tool_are_for_it_and_know_who_asked(
    wire: Wire, chat: Any, calls: Calls
) -> None:
    helper = create_agent(chat(), [], name="researcher")

    @tool
    def research(topic: str) -> str:
        """Ask a colleague."""
        direct = chat().invoke(topic).content
        return f"{direct} {run(helper)['messages'][-1].content}"

    wire.script(Reply(tools=[("t1", "research", {"topic": "wire"})]))
    run(create_agent(chat(), [research], name="lead"))
    lead, direct, inner, last = calls()
    assert (lead.agent, lead.parent) == ("lead", None)
    assert (direct.action, direct.parent) == ("research", lead.id)
    assert (inner.agent, inner.parent) == ("researcher", lead.id)
    assert (last.agent, last.parent) == ("lead", None)
    assert len({row.task for row in (lead, direct, inner, last)}) == 1


def test_a_retriever_is_an_action(chat: Any, calls: Calls) -> None:
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever

    model = chat()

    class Rewriting(BaseRetriever):
        def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
            model.invoke(query, config={"callbacks": run_manager.get_child()})
            return [Document("found")]

    Rewriting().invoke("where?")
    assert [row.action for row in calls()] == ["Rewriting"]


def test_stream_mode_messages_turns_calls_into_streams(chat: Any, calls: Calls) -> None:
    agent = create_agent(chat(), [])
    for _ in agent.stream({"messages": "hi"}, stream_mode="messages"):
        pass
    (row,) = calls()
    assert row.usage_basis == "estimated"
    assert row.output_tokens == 6


def test_middleware_that_retries_or_falls_back_makes_a_row_a_try(
    wire: Wire, chat: Any, calls: Calls
) -> None:
    from langchain.agents.middleware import ModelFallbackMiddleware, ModelRetryMiddleware

    model = chat(max_retries=0)
    other = ModelFallbackMiddleware(chat(model="gpt-4o-mini"))
    again = ModelRetryMiddleware(max_retries=1, initial_delay=0.0, jitter=False)
    for middleware in (other, again):
        wire.script(Reply(status=500))
        run(create_agent(model, [], middleware=[middleware]))
    rows = calls()
    assert wire.calls == len(rows) == 4
    assert [row.status for row in rows] == ["error", "ok"] * 2
    assert [row.model for row in rows] == ["gpt-4o", "gpt-4o-mini", "gpt-4o", "gpt-4o"]
    assert [row.amount_pico > 0 for row in rows] == [False, True] * 2


@pytest.mark.parametrize("batched", [False, True])
def test_a_parser_after_the_call_may_refuse_its_answer(
    chat: Any, calls: Calls, batched: bool
) -> None:
    from langchain_core.exceptions import OutputParserException
    from langchain_core.output_parsers import JsonOutputParser

    chain = chat() | JsonOutputParser()
    with pytest.raises(OutputParserException):
        chain.batch(["a"]) if batched else chain.invoke("a")
    (row,) = calls()
    assert row.verifier == "format"
