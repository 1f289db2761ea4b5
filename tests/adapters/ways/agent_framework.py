"""Microsoft Agent Framework over its OpenAI client, the Responses API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from finops_pack.testing import Reply, Wire
from tests.adapters.ways._judge import GPT
from tests.adapters.ways._shared import TOOL, Ask, Way, answer, common, scripted, streamed

NAME, NEEDS, ADAPTER, EXACT = "Agent Framework", "agent_framework_openai", "openai", GPT


def ways(wire: Wire) -> dict[str, Way]:
    """It is asynchronous only."""
    agent = _maker(wire)

    async def pieces() -> AsyncIterator[Any]:
        async for update in agent().run("hi", stream=True):
            yield update

    async def structured() -> None:
        said = await agent().run("hi", options={"response_format": answer()})
        assert said.value

    async def run(**more: Any) -> None:
        await agent(**more).run("hi")

    ask: Ask = lambda **more: asyncio.run(run(**more))  # noqa: E731
    return common(wire, ask, run) | streamed(wire, pieces) | {
        "bad structured output": lambda: scripted(
            wire, lambda: asyncio.run(structured()), Reply(text="no")
        ),
        "tool call": lambda: scripted(wire, ask, TOOL),
    }  # fmt: skip


def _maker(wire: Wire) -> Any:
    import openai
    from agent_framework import Agent, tool
    from agent_framework.openai import OpenAIChatClient

    @tool
    def look_up(word: str) -> str:
        """Look it up."""
        return word

    def agent(**more: Any) -> Any:
        server: Any = {"base_url": wire.openai_url, "api_key": "none", "max_retries": 0, **more}
        client = OpenAIChatClient(model="gpt-4o", async_client=openai.AsyncOpenAI(**server))
        return Agent(client, name="helper", tools=[look_up])

    return agent
