"""litellm's `anthropic_messages`, over its own client."""

from __future__ import annotations

import asyncio
from typing import Any

from finops_pack.testing import Wire
from tests.adapters.ways._judge import CLAUDE
from tests.adapters.ways._shared import SAID, SCHEMA, TOOL, Way, common, each, scripted, streamed

NAME, ADAPTER, EXACT = "litellm, messages", "litellm", CLAUDE
NEEDS = "litellm.proxy.pass_through_endpoints.streaming_handler"  # its streams import it


def ways(wire: Wire) -> dict[str, Way]:
    """It is asynchronous only, and does not retry."""
    import litellm as lite

    asked: dict[str, Any] = {
        "model": "anthropic/claude-opus-4-6", "api_key": "none", "api_base": wire.url,
        "messages": SAID, "max_tokens": 9,
    }  # fmt: skip

    async def aask(**more: Any) -> Any:
        return await lite.anthropic_messages(**asked, **more)

    def ask(**more: Any) -> Any:
        return asyncio.run(aask(**more))

    tools = [{"name": "look_up", "input_schema": SCHEMA}]
    made = common(wire, ask, aask) | streamed(wire, lambda: each(aask(stream=True)))
    del made["retried"]
    return made | {"tool call": lambda: scripted(wire, lambda: ask(tools=tools), TOOL)}
