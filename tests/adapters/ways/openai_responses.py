"""The SDK itself: the Responses API."""

from __future__ import annotations

from typing import Any

from finops_pack.testing import Reply, Wire
from tests.adapters.ways._judge import GPT
from tests.adapters.ways._shared import (
    FUNCTION,
    TOOL,
    Way,
    answer,
    common,
    each,
    half,
    scripted,
    streamed,
)  # fmt: skip

NAME, NEEDS, ADAPTER, EXACT = "openai, responses", "openai", "openai", GPT


def ways(wire: Wire) -> dict[str, Way]:
    """A client for each call."""
    import openai as sdk

    server = {"base_url": wire.openai_url, "api_key": "none", "max_retries": 0}
    asked: dict[str, Any] = {"model": "gpt-4o", "input": "hi"}

    def responses(**more: Any) -> Any:
        return sdk.OpenAI(**{**server, **more}).responses

    async def aask(**more: Any) -> Any:
        return await sdk.AsyncOpenAI(**server).responses.create(**asked, **more)

    def parsed() -> None:
        responses().parse(**asked, text_format=answer())

    create = lambda **more: responses().create(**asked, **more)  # noqa: E731
    ask = lambda **more: responses(**more).create(**asked)  # noqa: E731
    tools = [{"type": "function", **FUNCTION}]
    return common(wire, ask, aask) | streamed(wire, lambda: each(aask(stream=True))) | {
        "stream, whole": lambda: list(create(stream=True)),
        "stream, half read": lambda: half(wire, lambda: create(stream=True)),
        "bad structured output": lambda: scripted(wire, parsed, Reply(text="no")),
        "tool call": lambda: scripted(wire, lambda: create(tools=tools), TOOL),
    }  # fmt: skip
