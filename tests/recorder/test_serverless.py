"""`@serverless` changes when a function returns, and nothing else about it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

import finops_pack
from finops_pack import Usage, recorder
from finops_pack.model import Call

Calls = Callable[[], list[Call]]


@finops_pack.serverless
def plain(name: str) -> str:
    """Says hello."""
    finops_pack.record(model="gpt-4o", usage=Usage(1, 1), action=name)
    return f"hello {name}"


@finops_pack.serverless
async def coroutine(name: str) -> str:
    return plain(name)


@finops_pack.serverless
def generator(name: str) -> Iterator[str]:
    got = yield plain(name)
    yield str(got)


@finops_pack.serverless
async def streaming(name: str) -> AsyncIterator[str]:
    yield plain(name)


def test_it_is_still_the_same_kind_of_function(calls: Calls) -> None:
    assert plain("you") == "hello you"
    assert (plain.__name__, plain.__doc__) == ("plain", "Says hello.")
    assert inspect.iscoroutinefunction(coroutine)
    assert asyncio.run(coroutine("you")) == "hello you"
    assert inspect.isgeneratorfunction(generator)
    running = generator("you")
    assert (next(running), running.send("what was sent")) == ("hello you", "what was sent")
    assert inspect.isasyncgenfunction(streaming)
    assert [row.action for row in calls()] == ["you"] * 3


def test_an_error_of_the_function_is_its_own(calls: Calls) -> None:
    @finops_pack.serverless
    def failing() -> None:
        plain("you")
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        failing()
    assert len(calls()) == 1


def test_what_a_stream_records_when_its_reader_leaves_is_booked_by_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @finops_pack.serverless
    async def cut() -> AsyncIterator[str]:
        try:
            yield "half an answer"
        finally:
            order.append("recorded")

    def flush(_: float) -> bool:
        order.append("flushed")
        return True

    async def leave() -> None:
        parts: Any = cut()
        assert await anext(parts)
        await parts.aclose()

    order: list[str] = []
    monkeypatch.setattr(recorder, "flush", flush)
    asyncio.run(leave())
    assert order == ["recorded", "flushed"]


def test_an_error_of_ours_is_none_of_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(timeout: float) -> bool:
        raise OSError("no disk")

    monkeypatch.setattr(recorder, "flush", broken)
    assert plain("you") == "hello you"
