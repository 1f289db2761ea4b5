"""OpenAI Agents SDK over its own default, the Responses API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from finops_pack.testing import Reply, Wire
from tests.adapters.ways._judge import GPT
from tests.adapters.ways._shared import (
    TOOL,
    Ask,
    Way,
    answer,
    common,
    in_loop,
    scripted,
    streamed,
)  # fmt: skip

NAME, NEEDS, ADAPTER, EXACT = "OpenAI Agents", "agents", "openai", GPT


def ways(wire: Wire) -> dict[str, Way]:
    """The model that the SDK takes when nothing is said."""
    from agents import OpenAIResponsesModel

    return ways_of(wire, OpenAIResponsesModel)


def ways_of(wire: Wire, model: Any) -> dict[str, Way]:
    """Of one of its models."""
    from agents import Runner

    agent = _maker(wire, model)

    async def pieces(**more: Any) -> AsyncIterator[Any]:
        async for event in Runner.run_streamed(agent(**more), "hi").stream_events():
            if event.type == "raw_response_event":
                yield event

    async def unasked() -> None:
        assert [piece async for piece in pieces(include_usage=None)]

    def structured() -> None:
        in_loop(lambda: Runner.run_sync(agent(output_type=answer()), "hi"))

    ask: Ask = lambda **more: in_loop(lambda: Runner.run_sync(agent(**more), "hi"))  # noqa: E731
    return common(wire, ask, lambda: Runner.run(agent(), "hi")) | streamed(wire, pieces) | {
        "stream, usage not asked": lambda: asyncio.run(unasked()),
        "bad structured output": lambda: scripted(wire, structured, Reply(text="no")),
        "tool call": lambda: scripted(wire, ask, TOOL),
    }  # fmt: skip


def _maker(wire: Wire, model: Any) -> Any:
    import openai
    from agents import Agent, ModelSettings, function_tool

    @function_tool
    def look_up(word: str) -> str:
        """Look it up."""
        return word

    def agent(output_type: Any = None, include_usage: Any = True, **more: Any) -> Any:
        server: Any = {"base_url": wire.openai_url, "api_key": "none", "max_retries": 0, **more}
        made = model(model="gpt-4o", openai_client=openai.AsyncOpenAI(**server))
        usage = ModelSettings(include_usage=include_usage)
        return Agent(name="helper", model=made, tools=[look_up], output_type=output_type,
                     model_settings=usage)  # fmt: skip

    return agent
