"""Pydantic AI over OpenAI's chat completions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from finops_pack.testing import Reply, Wire
from tests.adapters.ways._judge import GPT
from tests.adapters.ways._shared import (
    SLOW,
    TOOL,
    Ask,
    Way,
    answer,
    common,
    in_loop,
    scripted,
    streamed,
)  # fmt: skip

NAME, NEEDS, ADAPTER, EXACT = "Pydantic AI", "pydantic_ai.models.openai", "openai", GPT


def ways(wire: Wire) -> dict[str, Way]:
    """A bad structured output is asked for once more, by Pydantic AI itself."""
    agent = _maker(wire)

    async def pieces() -> AsyncIterator[Any]:
        async with agent().run_stream("hi") as run:
            async for text in run.stream_text(debounce_by=None):
                yield text

    async def half() -> None:
        wire.script(SLOW)
        async with agent().run_stream("hi") as run:
            await anext(run.stream_text(debounce_by=None))

    def structured() -> None:
        asyncio.run(agent(output_type=answer()).run("hi"))

    ask: Ask = lambda **more: in_loop(lambda: agent(**more).run_sync("hi"))  # noqa: E731
    return common(wire, ask, lambda: agent().run("hi")) | streamed(wire, pieces) | {
        "stream, half read": lambda: asyncio.run(half()),
        "bad structured output": lambda: scripted(wire, structured, Reply(text="no")),
        "tool call": lambda: scripted(wire, ask, TOOL),
    }  # fmt: skip


def _maker(wire: Wire) -> Any:
    import openai
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    def look_up(word: str) -> str:
        """Look it up."""
        return word

    def agent(output_type: Any = str, **more: Any) -> Any:
        server: Any = {"base_url": wire.openai_url, "api_key": "none", "max_retries": 0, **more}
        provider = OpenAIProvider(openai_client=openai.AsyncOpenAI(**server))
        model = OpenAIChatModel("gpt-4o", provider=provider)
        return Agent(model, name="helper", tools=[look_up], output_type=output_type)

    return agent
