"""`completion` over its own client, asking Anthropic's wire."""

from __future__ import annotations

from typing import Any

from finops_pack.testing import Reply, Wire
from tests.adapters.ways._judge import CLAUDE
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
)

NAME, NEEDS, ADAPTER, EXACT = "litellm", "litellm", "litellm", CLAUDE


def ways(wire: Wire) -> dict[str, Way]:
    """Its retries are its own, too."""
    import litellm as lite
    from litellm.caching import Cache

    asked: dict[str, Any] = {
        "model": "anthropic/claude-opus-4-6", "api_key": "none", "api_base": wire.url,
    }  # fmt: skip

    def ask(max_retries: int = 0, **more: Any) -> Any:
        return lite.completion(**asked, messages=SAID, num_retries=max_retries, **more)

    async def aask(**more: Any) -> Any:
        return await lite.acompletion(**asked, messages=SAID, **more)

    def structured() -> None:
        lite.enable_json_schema_validation = True
        try:
            ask(response_format=answer())
        finally:
            lite.enable_json_schema_validation = False

    def cached() -> None:
        lite.cache = Cache(type="local")
        try:
            ask(caching=True)
            ask(caching=True)
        finally:
            lite.cache = None

    embed = {"api_key": "none", "api_base": wire.openai_url, "input": "hi"}
    return common(wire, ask, aask) | streamed(wire, lambda: each(aask(stream=True))) | {
        "batch": lambda: lite.batch_completion(**asked, messages=[SAID] * 3),
        "stream, whole": lambda: list(ask(stream=True)),
        "stream, half read": lambda: half(wire, lambda: ask(stream=True)),
        "bad structured output": lambda: scripted(wire, structured, Reply(text="no")),
        "local cache": cached,
        "tool call": lambda: scripted(wire, lambda: ask(tools=TOOLS), TOOL),
        "embedding": lambda: lite.embedding(model="openai/text-embedding-3-small", **embed),
    }  # fmt: skip
