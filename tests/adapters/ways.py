"""Every way of calling in every framework, against the wire: what came of it, in a word.

`python -m scripts.coverage` prints the table; `test_matrix.py` holds the one in `docs/`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import finops_pack
from finops_pack.model import Call, Usage
from finops_pack.testing import Reply, Wire

for name in ("CREWAI_DISABLE_TELEMETRY", "OTEL_SDK_DISABLED", "LITELLM_LOCAL_MODEL_COST_MAP"):
    os.environ.setdefault(name, "true")  # no other host is asked

Way = Callable[[], Any]
Ask = Callable[..., Any]
AsyncAsk = Callable[..., Coroutine[Any, Any, Any]]
GPT = (Usage(1000, 200, 600, reasoning_tokens=50), Decimal("0.00375"))
CLAUDE = (Usage(1000, 200, 600, 200, 100), Decimal("0.00805"))
EMBEDDING = (Usage(8, 0), Decimal("0.00000016"))
RETRY = Reply(status=429, headers={"retry-after-ms": "5"})
TOOL = Reply(tools=[("t1", "look_up", {"word": "x"})])
SAID: list[Any] = [{"role": "user", "content": "hi"}]
SCHEMA = {"type": "object", "properties": {"word": {"type": "string"}}}
FUNCTION = {"name": "look_up", "description": "d", "parameters": SCHEMA}


def common(wire: Wire, ask: Ask, aask: AsyncAsk) -> dict[str, Way]:
    """The ways that differ in nothing but how a framework is asked."""

    async def gathered() -> None:
        await asyncio.gather(*(aask() for _ in range(3)))

    async def executor() -> None:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(None, ask) for _ in range(2)))

    def threads() -> None:
        raw = [threading.Thread(target=ask) for _ in range(2)]
        for thread in raw:
            thread.start()
        for thread in raw:
            thread.join()
        with ThreadPoolExecutor(2) as pool:
            for future in [pool.submit(ask) for _ in range(2)]:
                future.result()

    async def cancelled() -> None:
        wire.script(Reply(delay=0.5))
        task = asyncio.ensure_future(aask())
        while not wire.calls:
            await asyncio.sleep(0.01)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    return {
        "plain": ask,
        "async": lambda: asyncio.run(aask()),
        "three at once": lambda: asyncio.run(gathered()),
        "raw threads, pools": threads,
        "run_in_executor": lambda: asyncio.run(executor()),
        "cancelled": lambda: asyncio.run(cancelled()),
        "refused request": lambda: _scripted(wire, ask, Reply(status=400)),
        "retried": lambda: _scripted(wire, lambda: ask(max_retries=1), RETRY),
        "timeout": lambda: _scripted(wire, lambda: ask(timeout=0.2), Reply(delay=0.6)),
        "over budget": lambda: _refused(ask),
    }


def _scripted(wire: Wire, ask: Way, *replies: Reply) -> None:
    wire.script(*replies)
    with contextlib.suppress(Exception):
        ask()


def _refused(ask: Ask) -> None:
    finops_pack.track(budget="0.0000001 USD/day")
    with contextlib.suppress(Exception):
        ask()


def langchain(wire: Wire) -> dict[str, Way]:
    """ChatOpenAI."""
    from langchain_core.caches import InMemoryCache
    from langchain_openai import ChatOpenAI, OpenAIEmbeddings

    server: Any = {"base_url": wire.openai_url, "api_key": "none"}

    def model(**more: Any) -> ChatOpenAI:
        settings = {"model": "gpt-4o", "max_retries": 0, "stream_usage": True, **server, **more}
        return ChatOpenAI(**settings)

    async def astream() -> None:
        assert [piece async for piece in model().astream("hi")]

    def half() -> None:
        stream: Any = model().stream("hi")
        next(stream)
        stream.close()

    def embed() -> None:
        made = OpenAIEmbeddings(
            model="text-embedding-3-small", check_embedding_ctx_length=False, **server
        )
        made.embed_query("hi")

    def cached() -> None:
        asked = model(cache=InMemoryCache())
        asked.invoke("hi")
        asked.invoke("hi")

    ask: Ask = lambda **more: model(**more).invoke("hi")  # noqa: E731
    return common(wire, ask, lambda: model().ainvoke("hi")) | {
        "batch": lambda: model().batch(["a", "b", "c"]),
        "stream, whole": lambda: list(model().stream("hi")),
        "stream, async": lambda: asyncio.run(astream()),
        "stream, half read": half,
        "bad structured output": lambda: _scripted(
            wire, lambda: model().with_structured_output(_answer()).invoke("hi"), Reply(text="no")
        ),
        "tool call": lambda: _scripted(
            wire, lambda: model().bind_tools([FUNCTION]).invoke("hi"), TOOL
        ),
        "local cache": cached,
        "embedding": embed,
    }


def _answer() -> Any:
    from pydantic import BaseModel

    class Answer(BaseModel):
        word: str

    return Answer


def crewai(wire: Wire) -> dict[str, Way]:
    """crewai.LLM, its native OpenAI client."""
    import crewai as crew

    def llm(**more: Any) -> Any:
        server = {"base_url": wire.openai_url, "api_key": "none"}
        return crew.LLM(**{"model": "openai/gpt-4o", "max_retries": 0, **server, **more})

    def team() -> None:
        agent = crew.Agent(role="r", goal="g", backstory="b", llm=llm())
        tasks = [crew.Task(description="d", expected_output="e", agent=agent) for _ in range(2)]
        crew.Crew(agents=[agent], tasks=tasks).kickoff()

    tools = [{"type": "function", "function": FUNCTION}]
    ask: Ask = lambda **more: llm(**more).call("hi")  # noqa: E731
    return common(wire, ask, lambda: llm().acall("hi")) | {
        "batch": team,
        "stream, whole": lambda: llm(stream=True).call("hi"),
        "stream, async": lambda: asyncio.run(llm(stream=True).acall("hi")),
        "bad structured output": lambda: _scripted(
            wire, lambda: llm().call("hi", response_model=_answer()), *[Reply(text="no")] * 5
        ),
        "tool call": lambda: _scripted(wire, lambda: llm().call("hi", tools=tools), TOOL),
    }


def autogen(wire: Wire) -> dict[str, Way]:
    """OpenAIChatCompletionClient."""
    from autogen_core import InMemoryStore
    from autogen_core.models import UserMessage
    from autogen_ext.models.cache import ChatCompletionCache
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    said = [UserMessage(content="hi", source="user")]

    def client(**more: Any) -> Any:
        server = {"base_url": wire.openai_url, "api_key": "none", "max_retries": 0}
        return OpenAIChatCompletionClient(**{"model": "gpt-4o", **server, **more})

    async def stream() -> None:
        assert [piece async for piece in client().create_stream(said)]

    async def half() -> None:
        pieces = client().create_stream(said)
        await anext(pieces)
        await pieces.aclose()

    async def cached() -> None:
        asked = ChatCompletionCache(client(), InMemoryStore())
        await asked.create(said)
        await asked.create(said)

    async def structured() -> None:
        wire.script(Reply(text="no"))
        with contextlib.suppress(Exception):
            await client().create(said, json_output=_answer())

    tools: Any = [{"name": "look_up", "description": "d", "parameters": SCHEMA}]
    ask: Ask = lambda **more: asyncio.run(client(**more).create(said))  # noqa: E731
    return common(wire, ask, lambda: client().create(said)) | {
        "stream, async": lambda: asyncio.run(stream()),
        "stream, half read": lambda: asyncio.run(half()),
        "bad structured output": lambda: asyncio.run(structured()),
        "tool call": lambda: _scripted(
            wire, lambda: asyncio.run(client().create(said, tools=tools)), TOOL
        ),
        "local cache": lambda: asyncio.run(cached()),
    }


def openai(wire: Wire) -> dict[str, Way]:
    """The SDK itself."""
    import openai as sdk

    server = {"base_url": wire.openai_url, "api_key": "none", "max_retries": 0}
    asked: dict[str, Any] = {"model": "gpt-4o", "messages": SAID}
    usage: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}

    def client(**more: Any) -> Any:
        return sdk.OpenAI(**{**server, **more})

    def ask(**more: Any) -> Any:
        return client(**more).chat.completions.create(**asked)

    async def aask(**more: Any) -> Any:
        return await sdk.AsyncOpenAI(**server).chat.completions.create(**asked, **more)

    async def astream() -> None:
        assert [piece async for piece in await aask(**usage)]

    def half() -> None:
        stream = client().chat.completions.create(**asked, **usage)
        next(iter(stream))
        stream.close()

    def parsed() -> None:
        client().chat.completions.parse(**asked, response_format=_answer())

    tools = [{"type": "function", "function": FUNCTION}]
    return common(wire, ask, aask) | {
        "stream, whole": lambda: list(client().chat.completions.create(**asked, **usage)),
        "stream, async": lambda: asyncio.run(astream()),
        "stream, half read": half,
        "bad structured output": lambda: _scripted(wire, parsed, Reply(text="no")),
        "tool call": lambda: _scripted(
            wire, lambda: client().chat.completions.create(**asked, tools=tools), TOOL
        ),
        "embedding": lambda: client().embeddings.create(model="text-embedding-3-small", input="hi"),
    }


def anthropic(wire: Wire) -> dict[str, Way]:
    """The SDK itself."""
    import anthropic as sdk

    server = {"base_url": wire.url, "api_key": "none", "max_retries": 0}
    asked: dict[str, Any] = {"model": "claude-opus-4-6", "messages": SAID, "max_tokens": 9}

    def client(**more: Any) -> Any:
        return sdk.Anthropic(**{**server, **more})

    def ask(**more: Any) -> Any:
        return client(**more).messages.create(**asked)

    async def aask(**more: Any) -> Any:
        return await sdk.AsyncAnthropic(**server).messages.create(**asked, **more)

    async def astream() -> None:
        assert [piece async for piece in await aask(stream=True)]

    def half() -> None:
        stream = client().messages.create(**asked, stream=True)
        next(iter(stream))
        stream.close()

    tools = [{"name": "look_up", "input_schema": SCHEMA}]
    return common(wire, ask, aask) | {
        "stream, whole": lambda: list(client().messages.create(**asked, stream=True)),
        "stream, async": lambda: asyncio.run(astream()),
        "stream, half read": half,
        "tool call": lambda: _scripted(
            wire, lambda: client().messages.create(**asked, tools=tools), TOOL
        ),
    }


def litellm(wire: Wire) -> dict[str, Way]:
    """`completion` over its own client, asking Anthropic's wire."""
    import litellm as lite

    asked: dict[str, Any] = {
        "model": "anthropic/claude-opus-4-6", "messages": SAID, "api_key": "none",
        "api_base": wire.url,
    }  # fmt: skip

    def ask(max_retries: int = 0, **more: Any) -> Any:
        return lite.completion(**asked, num_retries=max_retries, **more)

    async def aask(**more: Any) -> Any:
        return await lite.acompletion(**asked, **more)

    async def astream() -> None:
        assert [piece async for piece in await aask(stream=True)]

    tools = [{"type": "function", "function": FUNCTION}]
    embed = {"api_key": "none", "api_base": wire.openai_url, "input": "hi"}
    return common(wire, ask, aask) | {
        "stream, whole": lambda: list(ask(stream=True)),
        "stream, async": lambda: asyncio.run(astream()),
        "tool call": lambda: _scripted(wire, lambda: ask(tools=tools), TOOL),
        "embedding": lambda: lite.embedding(model="openai/text-embedding-3-small", **embed),
    }


FRAMEWORKS: dict[str, Callable[[Wire], dict[str, Way]]] = {
    "LangChain": langchain,
    "CrewAI": crewai,
    "AutoGen": autogen,
    "openai": openai,
    "anthropic": anthropic,
    "litellm": litellm,
}
WAYS = (
    "plain", "async", "three at once", "batch", "raw threads, pools", "run_in_executor",
    "stream, whole", "stream, async", "stream, half read", "cancelled", "timeout",
    "bad structured output", "tool call", "retried", "refused request", "local cache",
    "embedding", "over budget",
)  # fmt: skip


def judge(framework: str, way: str, http: int, rows: list[Call]) -> str:
    """HTTP calls, and what their rows say: `3 exact`, `1 estimated`, or what is missed."""
    tries = sum(row.attempts for row in rows if row.reached_provider)
    if tries != http:
        return f"{http} asked, {tries} SEEN"
    if not rows:
        return "0"
    exact = EMBEDDING if way == "embedding" else GPT if framework not in _CLAUDE else CLAUDE
    return f"{http} {', '.join(sorted({_word(row, exact) for row in rows}))}"


_CLAUDE = ("anthropic", "litellm")


def _word(row: Call, exact: tuple[Usage, Decimal]) -> str:
    if row.status == "cache_hit":
        return "a hit is free"
    if row.status == "error" and row.error_type and not row.input_tokens:
        return "error, $0" if row.amount_usd == 0 else "WRONG"
    if row.usage_basis != "measured":
        return row.usage_basis
    return "exact" if (row.usage, row.amount_usd) == exact else "WRONG"
