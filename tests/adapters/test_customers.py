"""Never under the wrong customer: 500 at once, over threads, tasks and background tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import finops_pack
from finops_pack.model import Call
from finops_pack.testing import Reply, Wire

Calls = Callable[[], list[Call]]
CUSTOMERS = [f"c{number}" for number in range(500)]


@pytest.fixture
def wire() -> Any:
    """A provider that serves a model named after who asks: the rows say whose call it truly was."""

    def answer(path: str, body: Any) -> Reply:
        return Reply(model=body["messages"][0]["content"])

    with Wire(answer) as server:
        yield server


def told(customer: str) -> Any:
    return [{"role": "user", "content": customer}]


def check(rows: list[Call], expected: int) -> None:
    assert len(rows) == expected
    assert [r.served_model for r in rows] == [r.tags.get("customer") for r in rows]
    assert [r.served_model for r in rows] == [r.task for r in rows]
    assert {row.served_model for row in rows} == set(CUSTOMERS)


def test_threads(wire: Wire, calls: Calls) -> None:
    import openai

    with openai.OpenAI(base_url=wire.openai_url, api_key="none") as client:

        def serve(customer: str) -> None:
            with finops_pack.task(customer), finops_pack.tags(customer=customer):
                client.chat.completions.create(model="gpt-4o", messages=told(customer))

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(serve, CUSTOMERS))
    check(calls(), 500)


def test_gathered_and_in_the_background(wire: Wire, calls: Calls) -> None:
    """A background task outlives the block that started it, and stays its customer's."""
    import openai

    async def serve_all() -> None:
        background: list[asyncio.Task[Any]] = []
        few = asyncio.Semaphore(32)
        async with openai.AsyncOpenAI(base_url=wire.openai_url, api_key="none") as client:

            async def ask(customer: str) -> None:
                async with few:
                    await client.chat.completions.create(model="gpt-4o", messages=told(customer))

            async def serve(customer: str) -> None:
                with finops_pack.task(customer), finops_pack.tags(customer=customer):
                    background.append(asyncio.create_task(ask(customer)))
                    await ask(customer)

            await asyncio.gather(*map(serve, CUSTOMERS))
            await asyncio.gather(*background)

    asyncio.run(serve_all())
    check(calls(), 1000)


def test_a_framework_in_its_own_threads(wire: Wire, calls: Calls) -> None:
    """LangChain's batch and its executors copy the context of who asked."""
    from langchain_core.runnables import RunnableLambda
    from langchain_openai import ChatOpenAI

    server: Any = {"base_url": wire.openai_url, "api_key": "none"}
    model = ChatOpenAI(model="gpt-4o", **server)
    chain = RunnableLambda(lambda customer: model.invoke(str(customer)))

    async def serve(customer: str) -> None:
        with finops_pack.task(customer), finops_pack.tags(customer=customer):
            await chain.ainvoke(customer)

    async def serve_all() -> None:
        await asyncio.gather(*map(serve, CUSTOMERS))

    asyncio.run(serve_all())
    check(calls(), 500)
