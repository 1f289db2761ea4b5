"""ChatOpenAI."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
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
    half,
    scripted,
    streamed,
)  # fmt: skip

NAME, NEEDS, ADAPTER, EXACT = "LangChain", "langchain_openai", "langchain", GPT


def ways(wire: Wire) -> dict[str, Way]:
    """With usage asked for in streams, as LangChain does where no `base_url` is set."""
    model = maker(wire)
    bare = model(stream_usage=None)
    return ways_of(wire, model) | {
        "stream, usage not asked": lambda: list(bare.stream("hi")),
        "embedding": lambda: _embed(wire),
    }


def maker(wire: Wire) -> Callable[..., Any]:
    """Makes the chat model."""
    from langchain_openai import ChatOpenAI

    server: Any = {"base_url": wire.openai_url, "api_key": "none", "max_retries": 0}
    return lambda **more: ChatOpenAI(**{"model": "gpt-4o", "stream_usage": True, **server, **more})


def ways_of(wire: Wire, model: Callable[..., Any]) -> dict[str, Way]:
    """Of any chat model of LangChain's."""
    from langchain_core.caches import InMemoryCache

    def pieces() -> AsyncIterator[Any]:
        made: AsyncIterator[Any] = model().astream("hi")
        return made

    def cached() -> None:
        asked = model(cache=InMemoryCache())
        asked.invoke("hi")
        asked.invoke("hi")

    def structured() -> None:
        model().with_structured_output(answer()).invoke("hi")

    ask: Ask = lambda **more: model(**more).invoke("hi")  # noqa: E731
    return common(wire, ask, lambda: model().ainvoke("hi")) | streamed(wire, pieces) | {
        "batch": lambda: model().batch(["a", "b", "c"]),
        "stream, whole": lambda: list(model().stream("hi")),
        "stream, half read": lambda: half(wire, lambda: model().stream("hi")),
        "bad structured output": lambda: scripted(wire, structured, Reply(text="no")),
        "tool call": lambda: scripted(
            wire, lambda: model().bind_tools([FUNCTION]).invoke("hi"), TOOL
        ),
        "local cache": cached,
    }  # fmt: skip


def _embed(wire: Wire) -> None:
    from langchain_openai import OpenAIEmbeddings

    server: Any = {"base_url": wire.openai_url, "api_key": "none"}
    small: Any = {"model": "text-embedding-3-small", "check_embedding_ctx_length": False}
    OpenAIEmbeddings(**small, **server).embed_query("hi")
