"""ag2 over OpenAI's chat completions; its client needs openai 3."""

from __future__ import annotations

import asyncio
from typing import Any

from finops_pack.testing import Reply, Wire
from tests.adapters.ways._judge import GPT
from tests.adapters.ways._shared import TOOL, Ask, Way, answer, common, cut, scripted

NAME, NEEDS, ADAPTER, EXACT = "ag2", "ag2.config.openai", "openai", GPT


def ways(wire: Wire) -> dict[str, Way]:
    """It is asynchronous only, and reads its streams itself."""
    agent = _maker(wire)

    async def run(**more: Any) -> None:
        await agent(**more).ask("hi")

    ask: Ask = lambda **more: asyncio.run(run(**more))  # noqa: E731
    return common(wire, ask, run) | {
        "stream, async": lambda: ask(streaming=True),
        "stream, cancelled": lambda: _cut(wire, agent(streaming=True)),
        "bad structured output": lambda: scripted(
            wire, lambda: asyncio.run(_structured(agent())), Reply(text="no")
        ),
        "tool call": lambda: scripted(wire, ask, TOOL),
    }  # fmt: skip


def _cut(wire: Wire, agent: Any) -> None:
    """Its stream says when the first piece came."""
    from ag2.events import ModelMessageChunk
    from ag2.stream import MemoryStream

    came: list[Any] = []
    stream = MemoryStream()
    stream.where(ModelMessageChunk).subscribe(lambda event: came.append(event))
    cut(wire, lambda: agent.ask("hi", stream=stream), lambda: came)


async def _structured(agent: Any) -> None:
    said = await agent.ask("hi", response_schema=answer())
    assert await said.content()


def _maker(wire: Wire) -> Any:
    from ag2 import Agent
    from ag2.config import OpenAIConfig

    def look_up(word: str) -> str:
        """Look it up."""
        return word

    def agent(**more: Any) -> Any:
        server: Any = {"base_url": wire.openai_url, "api_key": "none", "max_retries": 0, **more}
        return Agent("helper", config=OpenAIConfig(model="gpt-4o", **server), tools=[look_up])

    return agent
