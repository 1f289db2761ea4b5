"""The SDK itself."""

from __future__ import annotations

from typing import Any

from finops_pack.testing import Reply, Wire
from tests.adapters.ways._judge import CLAUDE
from tests.adapters.ways._shared import (
    SAID,
    SCHEMA,
    TOOL,
    Way,
    answer,
    common,
    each,
    half,
    scripted,
    streamed,
)  # fmt: skip

NAME, NEEDS, ADAPTER, EXACT = "anthropic", "anthropic", "anthropic", CLAUDE


def ways(wire: Wire) -> dict[str, Way]:
    """A client for each call."""
    import anthropic as sdk

    server = {"base_url": wire.url, "api_key": "none", "max_retries": 0}
    asked: dict[str, Any] = {"model": "claude-opus-4-6", "messages": SAID, "max_tokens": 9}

    def messages(**more: Any) -> Any:
        return sdk.Anthropic(**{**server, **more}).messages

    async def aask(**more: Any) -> Any:
        return await sdk.AsyncAnthropic(**server).messages.create(**asked, **more)

    def parsed() -> None:
        messages().parse(**asked, output_format=answer())

    create = lambda **more: messages().create(**asked, **more)  # noqa: E731
    ask = lambda **more: messages(**more).create(**asked)  # noqa: E731
    tools = [{"name": "look_up", "input_schema": SCHEMA}]
    return common(wire, ask, aask) | streamed(wire, lambda: each(aask(stream=True))) | {
        "stream, whole": lambda: list(create(stream=True)),
        "stream, half read": lambda: half(wire, lambda: create(stream=True)),
        "bad structured output": lambda: scripted(wire, parsed, Reply(text="no")),
        "tool call": lambda: scripted(wire, lambda: create(tools=tools), TOOL),
    }  # fmt: skip
