"""A scope around a generator: it holds while the generator runs, not while its consumer does."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import contextmanager
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


async def async_steps(scope: _Scope, stream: AsyncGenerator[Any, Any]) -> AsyncGenerator[Any]:
    """The same for an asynchronous one, without what its consumer may send into it."""
    with _entered(scope) as inside:
        try:
            while True:
                with _step(inside):
                    try:
                        item = await anext(stream)
                    except StopAsyncIteration:
                        return
                yield item
        finally:
            with _step(inside):
                await stream.aclose()
