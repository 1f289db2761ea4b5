"""OpenAIChatCompletionClient."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from finops_pack.testing import Reply, Wire
from tests.adapters.ways._judge import GPT
from tests.adapters.ways._shared import (
    FUNCTION,
    TOOL,
    Ask,
    Way,
    answer,
    common,
    scripted,
    streamed,
)  # fmt: skip

NAME, NEEDS, ADAPTER, EXACT = "AutoGen", "autogen_ext.models.openai", "autogen", GPT


def ways(wire: Wire) -> dict[str, Way]:
    """It is asynchronous only; a batch is a team of two."""
    from autogen_core.models import UserMessage

    said = [UserMessage(content="hi", source="user")]
    client = _maker(wire)

    def pieces() -> AsyncIterator[Any]:
        made: AsyncIterator[Any] = client().create_stream(said, include_usage=True)
        return made

    async def unasked() -> None:
        assert [piece async for piece in client().create_stream(said)]

    def structured() -> None:
        asyncio.run(client().create(said, json_output=answer()))

    ask: Ask = lambda **more: asyncio.run(client(**more).create(said))  # noqa: E731
    return common(wire, ask, lambda: client().create(said)) | streamed(wire, pieces) | {
        "stream, usage not asked": lambda: asyncio.run(unasked()),
        "batch": lambda: asyncio.run(_team(client())),
        "bad structured output": lambda: scripted(wire, structured, Reply(text="no")),
        "tool call": lambda: scripted(
            wire, lambda: asyncio.run(client().create(said, tools=[FUNCTION])), TOOL
        ),
        "local cache": lambda: asyncio.run(_cached(client(), said)),
    }  # fmt: skip


def _maker(wire: Wire) -> Any:
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    server: Any = {"base_url": wire.openai_url, "api_key": "none", "max_retries": 0}
    return lambda **more: OpenAIChatCompletionClient(**{"model": "gpt-4o", **server, **more})


async def _team(client: Any) -> None:
    from autogen_agentchat.agents import AssistantAgent
    from autogen_agentchat.teams import RoundRobinGroupChat

    agents: Any = [AssistantAgent(name, client) for name in ("a", "b")]
    await RoundRobinGroupChat(agents, max_turns=2).run(task="hi")


async def _cached(client: Any, said: Any) -> None:
    from autogen_core import InMemoryStore
    from autogen_ext.models.cache import ChatCompletionCache

    asked = ChatCompletionCache(client, InMemoryStore())
    await asked.create(said)
    await asked.create(said)
