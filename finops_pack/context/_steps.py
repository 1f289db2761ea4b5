"""A scope around a generator: it holds while the generator runs, not while its consumer does."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, Protocol

from finops_pack.context._held import Context, variable


class _Scope(Protocol):
    def __enter__(self) -> Any: ...

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None: ...


@contextmanager
def _entered(scope: _Scope) -> Iterator[Context]:
    """The context inside the scope; the one outside stays as the consumer has it."""
    outer = variable.get()
    scope.__enter__()
    inside = variable.get()
    variable.set(outer)
    failed: BaseException | None = None
    try:
        yield inside
    except Exception as error:  # an early end (`GeneratorExit`) is no failure
        failed = error
        raise
    finally:
        held = variable.get()
        scope.__exit__(type(failed) if failed else None, failed, None)
        variable.set(held)


@contextmanager
def _step(inside: Context) -> Iterator[None]:
    before = variable.get()
    variable.set(inside)
    try:
        yield
    finally:
        variable.set(before)


def steps(scope: _Scope, stream: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """The same generator, each of its steps inside the scope."""
    sent = None
    with _entered(scope) as inside:
        try:
            while True:
                with _step(inside):
                    try:
                        item = stream.send(sent)
                    except StopIteration as end:
                        return end.value
                sent = yield item
        finally:
            with _step(inside):
                stream.close()


async def each_step(
    stream: AsyncIterator[Any], around: Callable[[], Any]
) -> AsyncGenerator[Any, None]:
    """The same stream; each of its steps is taken inside `around()`, what waits on it is not.

    To be closed by whoever reads it: what it reads is closed with it, as it would be without us.
    """
    try:
        while True:
            with around():
                try:
                    item = await anext(stream)
                except StopAsyncIteration:
                    return
            yield item
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            with around():
                await close()


async def async_steps(scope: _Scope, stream: AsyncGenerator[Any, Any]) -> AsyncGenerator[Any]:
    """The same for an asynchronous one, without what its consumer may send into it."""
    with _entered(scope) as inside:
        async with aclosing(each_step(stream, lambda: _step(inside))) as stepping:
            async for item in stepping:
                yield item
