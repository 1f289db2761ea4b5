"""ChatAnthropic."""

from __future__ import annotations

from typing import Any

from finops_pack.testing import Wire
from tests.adapters.ways._judge import CLAUDE
from tests.adapters.ways._shared import Way
from tests.adapters.ways.langchain import ways_of

NAME, NEEDS, ADAPTER, EXACT = "LangChain + Anthropic", "langchain_anthropic", "langchain", CLAUDE


def ways(wire: Wire) -> dict[str, Way]:
    """The same as with OpenAI's model; Anthropic has no embeddings, and tells usage unasked."""
    from langchain_anthropic import ChatAnthropic

    def model(**more: Any) -> Any:
        server = {"base_url": wire.url, "api_key": "none", "max_retries": 0}
        return ChatAnthropic(**{"model": "claude-opus-4-6", **server, **more})

    return ways_of(wire, model)
