"""All adapters installed by the one line; models of the frameworks that speak to the wire."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from finops_pack.testing import Wire

for name in ("CREWAI_DISABLE_TELEMETRY", "OTEL_SDK_DISABLED", "LITELLM_LOCAL_MODEL_COST_MAP"):
    os.environ.setdefault(name, "true")  # no other host is asked


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


@pytest.fixture
def llm(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Makes CrewAI's models that ask the wire."""
    crewai = pytest.importorskip("crewai", reason="the set with openai 3 has no CrewAI")
    monkeypatch.setenv("OPENAI_API_KEY", "none")

    def make(**settings: Any) -> Any:
        server = {"base_url": wire.openai_url, "api_key": "none"}
        return crewai.LLM(**{"model": "openai/gpt-4o", **server, **settings})

    return make


@pytest.fixture
def client(wire: Wire) -> Any:
    """AutoGen's OpenAI client, asking the wire."""
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    return OpenAIChatCompletionClient(model="gpt-4o", base_url=wire.openai_url, api_key="none")


@pytest.fixture
def sdk(wire: Wire) -> Callable[[], Any]:
    """Makes OpenAI clients that ask the wire."""
    import openai

    return lambda: openai.AsyncOpenAI(base_url=wire.openai_url, api_key="none")


@pytest.fixture
def gpt(wire: Wire) -> Callable[[], str]:
    """Asks gpt-4o over the SDK."""
    import openai

    client = openai.OpenAI(base_url=wire.openai_url, api_key="none")

    def ask() -> str:
        said: Any = [{"role": "user", "content": "x"}]
        answer = client.chat.completions.create(model="gpt-4o", messages=said)
        return str(answer.choices[0].message.content)

    return ask
