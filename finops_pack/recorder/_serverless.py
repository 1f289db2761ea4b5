"""`@finops_pack.serverless`: what a function recorded is booked before its host may freeze it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any, TypeVar

from finops_pack.recorder._guard import warn_once

F = TypeVar("F", bound=Callable[..., Any])
SECONDS = 2.0


def serverless(function: Callable[..., Any] | None = None, *, timeout: float = SECONDS) -> Any:
    """Decorate the handler of a serverless function: `@serverless` or `@serverless(timeout=5)`.

    Functions, coroutines and generators of both kinds; also where they raise. The host may
    freeze or end the process straight after return: what was recorded is in the ledger by then,
    or, after `timeout` seconds, a warning says that it is not.
    """
    if function is None:
        return functools.partial(serverless, timeout=timeout)
    return functools.wraps(function)(_around(function, timeout))


def _around(function: Callable[..., Any], timeout: float) -> Callable[..., Any]:
    if inspect.isasyncgenfunction(function):
        return _streaming(function, timeout)
    if inspect.iscoroutinefunction(function):

        async def inside_async(*args: Any, **kwargs: Any) -> Any:
            async with _flushed_async(timeout):
                return await function(*args, **kwargs)

        return inside_async
    if inspect.isgeneratorfunction(function):

        def inside_generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            with _flushed(timeout):
                return (yield from function(*args, **kwargs))

        return inside_generator

    def inside(*args: Any, **kwargs: Any) -> Any:
        with _flushed(timeout):
            return function(*args, **kwargs)

    return inside


def _streaming(function: Callable[..., Any], timeout: float) -> Callable[..., Any]:
    async def inside(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        parts = function(*args, **kwargs)
        async with _flushed_async(timeout), aclosing(parts):  # who leaves us leaves it, too
            async for part in parts:
                yield part

    return inside


@contextmanager
def _flushed(timeout: float) -> Iterator[None]:
    try:
        yield
    finally:
        _flush(timeout)


@asynccontextmanager
async def _flushed_async(timeout: float) -> AsyncIterator[None]:
    """The same off the event loop, on which others may be waiting."""
    import asyncio

    try:
        yield
    finally:
        await asyncio.to_thread(_flush, timeout)


def _flush(timeout: float) -> None:
    from finops_pack import recorder

    try:
        if not recorder.flush(timeout):
            warn_once(f"not all is booked after {timeout} s: what waits in the spool may be lost")
    except Exception as error:  # noqa: BLE001 - the function's own answer counts
        warn_once(f"what was recorded is not booked ({type(error).__name__})", error)
