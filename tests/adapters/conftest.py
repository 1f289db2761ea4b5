"""All adapters installed by the one line; models of the frameworks that speak to the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from finops_pack.testing import Wire


@pytest.fixture(autouse=True)
def tracked(empty_home: Any) -> None:
    """`import finops_pack.auto`, as a user's first line."""
    import finops_pack.auto  # noqa: F401


@pytest.fixture
def chat(wire: Wire) -> Callable[..., Any]:
    """Makes LangChain's OpenAI chat models that ask the wire."""
    from langchain_openai import ChatOpenAI

    def make(**settings: Any) -> Any:
        return ChatOpenAI(
            **{"model": "gpt-4o", "base_url": wire.openai_url, "api_key": "none", **settings}
        )

    return make


@pytest.fixture
def claude(wire: Wire) -> Any:
    """LangChain's Anthropic chat model, asking the wire."""
    from langchain_anthropic import ChatAnthropic

    return ChatAnthropic(model="claude-opus-4-6", base_url=wire.url, api_key="none")
