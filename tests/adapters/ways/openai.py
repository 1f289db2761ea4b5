"""The SDK itself: chat completions, embeddings."""

from __future__ import annotations

from typing import Any

from finops_pack.testing import Reply, Wire
from tests.adapters.ways._judge import GPT
from tests.adapters.ways._shared import (
    SAID,
    TOOL,
    TOOLS,
    Way,
    answer,
    common,
    each,
    half,
    scripted,
    streamed,
)  # fmt: skip

NAME, NEEDS, ADAPTER, EXACT = "openai", "openai", "openai", GPT
USAGE: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}


def ways(wire: Wire) -> dict[str, Way]:
    """A client for each call."""
    import openai as sdk

    server = {"base_url": wire.openai_url, "api_key": "none", "max_retries": 0}
    asked: dict[str, Any] = {"model": "gpt-4o", "messages": SAID}

    def chat(**more: Any) -> Any:
        return sdk.OpenAI(**{**server, **more}).chat.completions

    async def aask(**more: Any) -> Any:
        return await sdk.AsyncOpenAI(**server).chat.completions.create(**asked, **more)

    def embed() -> None:
        sdk.OpenAI(**server).embeddings.create(model="text-embedding-3-small", input="hi")

    def parsed() -> None:
        chat().parse(**asked, response_format=answer())

    create = lambda **more: chat().create(**asked, **more)  # noqa: E731
    ask = lambda **more: chat(**more).create(**asked)  # noqa: E731
    return common(wire, ask, aask) | streamed(wire, lambda: each(aask(**USAGE))) | {
        "stream, whole": lambda: list(create(**USAGE)),
        "stream, half read": lambda: half(wire, lambda: create(**USAGE)),
        "stream, usage not asked": lambda: list(create(stream=True)),
        "bad structured output": lambda: scripted(wire, parsed, Reply(text="no")),
        "tool call": lambda: scripted(wire, lambda: create(tools=TOOLS), TOOL),
        "embedding": embed,
    }  # fmt: skip
