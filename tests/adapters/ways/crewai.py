"""crewai.LLM, its native OpenAI client."""

from __future__ import annotations

import asyncio
from typing import Any

from finops_pack.testing import Reply, Wire
from tests.adapters.ways._judge import GPT
from tests.adapters.ways._shared import (
    TOOL,
    TOOLS,
    Ask,
    AsyncAsk,
    Way,
    answer,
    common,
    cut,
    scripted,
)

NAME, NEEDS, ADAPTER, EXACT = "CrewAI", "crewai", "crewai", GPT


def ways(wire: Wire) -> dict[str, Way]:
    """Its streams are read by itself, so none can be left half read."""
    import crewai as crew

    def llm(**more: Any) -> Any:
        server = {"base_url": wire.openai_url, "api_key": "none"}
        return crew.LLM(**{"model": "openai/gpt-4o", "max_retries": 0, **server, **more})

    def team() -> None:
        agent = crew.Agent(role="r", goal="g", backstory="b", llm=llm())
        tasks = [crew.Task(description="d", expected_output="e", agent=agent) for _ in range(2)]
        crew.Crew(agents=[agent], tasks=tasks).kickoff()

    def structured() -> None:
        llm().call("hi", response_model=answer())

    ask: Ask = lambda **more: llm(**more).call("hi")  # noqa: E731
    return common(wire, ask, lambda: llm().acall("hi")) | {
        "batch": team,
        "stream, whole": lambda: llm(stream=True).call("hi"),
        "stream, async": lambda: asyncio.run(llm(stream=True).acall("hi")),
        "stream, cancelled": lambda: _cut(wire, lambda: llm(stream=True).acall("hi")),
        "bad structured output": lambda: scripted(wire, structured, *[Reply(text="no")] * 5),
        "tool call": lambda: scripted(wire, lambda: llm().call("hi", tools=TOOLS), TOOL),
    }


def _cut(wire: Wire, aask: AsyncAsk) -> None:
    """Its bus says when the first piece came."""
    from crewai.events import LLMStreamChunkEvent, crewai_event_bus

    came: list[Any] = []
    with crewai_event_bus.scoped_handlers():
        crewai_event_bus.on(LLMStreamChunkEvent)(lambda _, event: came.append(event))
        cut(wire, aask, lambda: came)
