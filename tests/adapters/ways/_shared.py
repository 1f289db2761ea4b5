"""The ways that differ in nothing but how a framework is asked."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import finops_pack
from finops_pack.testing import Reply, Wire

Way = Callable[[], Any]
Ask = Callable[..., Any]
AsyncAsk = Callable[..., Coroutine[Any, Any, Any]]
RETRY = Reply(status=429, headers={"retry-after-ms": "5"})
SLOW = Reply(pace=0.1)  # some frameworks read ahead of their user
SLOWER = Reply(pace=0.3)  # a busy machine may be late in cutting it short
TOOL = Reply(tools=[("t1", "look_up", {"word": "x"})])
SAID: list[Any] = [{"role": "user", "content": "hi"}]
SCHEMA = {"type": "object", "properties": {"word": {"type": "string"}}}
FUNCTION = {"name": "look_up", "description": "d", "parameters": SCHEMA}
TOOLS: list[Any] = [{"type": "function", "function": FUNCTION}]


def common(wire: Wire, ask: Ask, aask: AsyncAsk) -> dict[str, Way]:
    """Whole answers; `ask` takes `max_retries` and `timeout`."""

    async def gathered() -> None:
        await asyncio.gather(*(aask() for _ in range(3)))

    async def executor() -> None:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(None, ask) for _ in range(2)))

    return {
        "plain": ask,
        "async": lambda: asyncio.run(aask()),
        "three at once": lambda: asyncio.run(gathered()),
        "raw threads, pools": lambda: _threads(ask),
        "run_in_executor": lambda: asyncio.run(executor()),
        "cancelled": lambda: cut(wire, aask, lambda: wire.calls, Reply(delay=0.5)),
        "refused request": lambda: scripted(wire, ask, Reply(status=400)),
        "retried": lambda: scripted(wire, lambda: ask(max_retries=1), RETRY),
        "timeout": lambda: scripted(wire, lambda: ask(timeout=0.2), Reply(delay=0.6)),
        "over budget": lambda: _refused(ask),
    }


def streamed(wire: Wire, pieces: Callable[[], AsyncIterator[Any]]) -> dict[str, Way]:
    """Streams; `pieces()` asks for one and gives what came, piece by piece."""

    async def half() -> None:
        wire.script(SLOW)
        stream: Any = pieces()
        await anext(stream)
        await stream.aclose()

    came: list[Any] = []

    async def whole() -> None:
        async for piece in pieces():
            came.append(piece)  # noqa: PERF401  at once: `cut` looks
        assert came

    return {
        "stream, async": lambda: asyncio.run(whole()),
        "stream, half read": lambda: asyncio.run(half()),
        "stream, cancelled": lambda: cut(wire, whole, lambda: came),
    }


async def each(stream: Awaitable[Any]) -> AsyncIterator[Any]:
    """The pieces of a stream that is awaited first."""
    async for piece in await stream:
        yield piece


def cut(wire: Wire, aask: AsyncAsk, began: Way, reply: Reply = SLOWER) -> None:
    """Cancel what is asked, as soon as `began()`."""

    async def run() -> None:
        task = asyncio.ensure_future(aask())
        while not began():
            await asyncio.sleep(0.01)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    wire.script(reply)
    asyncio.run(run())


def half(wire: Wire, ask: Way) -> None:
    """Read one piece of a stream and leave."""
    wire.script(SLOW)
    stream = ask()
    next(iter(stream))
    stream.close()


def scripted(wire: Wire, ask: Way, *replies: Reply) -> None:
    """Ask, answered so; whatever the framework makes of it."""
    wire.script(*replies)
    with contextlib.suppress(Exception):
        ask()


def answer() -> Any:
    """What a structured answer has to look like."""
    from pydantic import BaseModel

    class Answer(BaseModel):
        word: str

    return Answer


def in_loop(ask: Way) -> None:
    """Ask in a synchronous way that wants the thread to have a loop, and would leave it open."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        ask()
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def _threads(ask: Ask) -> None:
    raw = [threading.Thread(target=ask) for _ in range(2)]
    for thread in raw:
        thread.start()
    for thread in raw:
        thread.join()
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(ask) for _ in range(2)]:
            future.result()


def _refused(ask: Ask) -> None:
    finops_pack.track(budget="0.0000001 USD/day")
    with contextlib.suppress(Exception):
        ask()
