"""create_agent over ChatOpenAI, and a StateGraph of one node that asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from finops_pack.testing import Reply, Wire
from tests.adapters.ways._judge import GPT
from tests.adapters.ways._shared import TOOL, Ask, Way, answer, common, half, scripted, streamed
from tests.adapters.ways.langchain import maker

NAME, NEEDS, ADAPTER, EXACT = "LangGraph", "langchain.agents", "langchain", GPT
TALK: Any = {"messages": [("user", "hi")]}


def ways(wire: Wire) -> dict[str, Way]:
    """Streams are `stream_mode="messages"`; the cache is that of a graph's node."""
    from langchain.agents import create_agent
    from langchain_core.tools import tool

    model = maker(wire)

    @tool
    def look_up(word: str) -> str:
        """Look it up."""
        return word

    def agent(**more: Any) -> Any:
        return create_agent(model(**more), [look_up])

    def pieces() -> AsyncIterator[Any]:
        made: AsyncIterator[Any] = agent().astream(TALK, stream_mode="messages")
        return made

    def stream(**more: Any) -> Any:
        return agent(**more).stream(TALK, stream_mode="messages")

    def structured() -> None:
        create_agent(model(), response_format=answer()).invoke(TALK)

    ask: Ask = lambda **more: agent(**more).invoke(TALK)  # noqa: E731
    return common(wire, ask, lambda: agent().ainvoke(TALK)) | streamed(wire, pieces) | {
        "batch": lambda: agent().batch([TALK] * 3),
        "stream, whole": lambda: list(stream()),
        "stream, half read": lambda: half(wire, stream),
        "stream, usage not asked": lambda: list(stream(stream_usage=None)),
        "bad structured output": lambda: scripted(wire, structured, Reply(text="no")),
        "tool call": lambda: scripted(wire, ask, TOOL),
        "local cache": lambda: _cached(model()),
    }  # fmt: skip


def _cached(model: Any) -> None:
    from langgraph.cache.memory import InMemoryCache
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.types import CachePolicy

    def node(state: MessagesState) -> Any:
        return {"messages": [model.invoke("hi")]}

    graph: Any = StateGraph(MessagesState)
    graph.add_node("node", node, cache_policy=CachePolicy(key_func=lambda _: "hi"))
    graph.add_edge(START, "node")
    made = graph.compile(cache=InMemoryCache())
    made.invoke(TALK)
    made.invoke(TALK)
