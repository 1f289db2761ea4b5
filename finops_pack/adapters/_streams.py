"""A stream that is looked at while the user reads it: nothing is read ahead, changed or kept."""

from __future__ import annotations

import weakref
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from finops_pack.model import Usage
from finops_pack.recorder import guard

CUT = "what came of a stream that was cut: utf8 bytes / 4"


class Gathering:
    """What a stream has said so far; `see` is the dialect's."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.tools: dict[Any, dict[str, Any]] = {}
        self.said: dict[str, Any] = {}
        self.usage: Usage | None = None
        self.billed: Decimal | None = None

    def see(self, event: Any) -> None:
        """Take what one event says."""
        raise NotImplementedError

    def hides(self, event: Any) -> bool:
        """Whether this event came only because we asked for it: the user does not see it."""
        return False

    def finished(self) -> dict[str, Any]:
        """The arguments of `Pending.finish`."""
        return {
            "usage": self.usage,
            "response": "".join(self.text),
            "tool_calls": tuple(self.tools.values()),
            "billed_usd": self.billed,
            **self.said,
        }

    def tool(self, key: Any, identity: Any, name: Any, arguments: str) -> None:
        """A tool call, or more of its arguments."""
        held = self.tools.setdefault(key, {"id": None, "name": None, "args": ""})
        held["id"] = identity or held["id"]
        held["name"] = name or held["name"]
        held["args"] += arguments


class Watched:
    """Stands in for a stream's own iterator, sync or async."""

    taking = False  # at its next event just now: at its end a stream closes by itself

    def __init__(self, inner: Any, call: Any, gathering: Gathering) -> None:
        self.inner, self.call, self.gathering = inner, call, gathering

    def __iter__(self) -> Watched:
        return self

    def __aiter__(self) -> Watched:
        return self

    def __next__(self) -> Any:
        event = self.step(self.inner.__next__)
        return next(self) if self.gathering.hides(event) else event

    async def __anext__(self) -> Any:
        event = await self.step_async(self.inner.__anext__)
        return await anext(self) if self.gathering.hides(event) else event

    def step(self, take: Callable[[], Any]) -> Any:
        """The next event, looked at; the stream's end or its break, told."""
        self.taking = True
        try:
            event = take()
        except StopIteration:
            self.end()
            raise
        except BaseException as error:
            self.cut(error)
            raise
        finally:
            self.taking = False
        self.see(event)
        return event

    async def step_async(self, take: Callable[[], Awaitable[Any]]) -> Any:
        """The same, awaited."""
        self.taking = True
        try:
            event = await take()
        except StopAsyncIteration:
            self.end()
            raise
        except BaseException as error:
            self.cut(error)
            raise
        finally:
            self.taking = False
        self.see(event)
        return event

    def close(self) -> None:
        """As a generator's: the user stops reading."""
        self.inner.close()
        self.cut(None)

    async def aclose(self) -> None:
        """As an async generator's."""
        await self.inner.aclose()
        self.cut(None)

    def __del__(self) -> None:
        self.cut(None)

    @guard
    def see(self, event: Any) -> None:
        """Take what the event says."""
        self.call.first_token()
        self.gathering.see(event)

    @guard
    def end(self) -> None:
        """The stream was read to its end."""
        if self.call.open:
            self.call.finish(**self.gathering.finished())

    @guard
    def cut(self, error: BaseException | None) -> None:
        """The stream was left or broke: what came is estimated, unless the usage came with it."""
        if not self.call.open:
            return
        fields = self.gathering.finished()
        if error is None and fields["usage"] is not None and "finish_reason" in fields:
            self.call.finish(**fields)
            return
        usage = at_least(self.call, fields.pop("usage"), fields["response"])
        known = {k: v for k, v in self.gathering.said.items() if v is not None}
        self.call.fail(
            error or "StreamClosed",
            usage,
            status="error" if error else "cancelled",
            usage_basis="estimated",
            usage_method=CUT,
            **known,
        )


class Looked:
    """An iterator, sync or async, each item of which somebody looks at."""

    def __init__(self, inner: Any, look: Callable[[Any], None]) -> None:
        self.inner, self.look = inner, guard(look)

    def __iter__(self) -> Looked:
        return self

    def __aiter__(self) -> Looked:
        return self

    def __next__(self) -> Any:
        item = next(self.inner)
        self.look(item)
        return item

    async def __anext__(self) -> Any:
        item = await anext(self.inner)
        self.look(item)
        return item


def at_least(call: Any, told: Usage | None, text: str) -> Usage:
    """The usage of a stream that was cut: what was told of it, and the text that came."""
    guessed: Usage = call.estimate(text)
    if told is None or not told.input_tokens:
        return guessed
    return replace(told, output_tokens=max(told.output_tokens, guessed.output_tokens))


def observe(stream: Any, call: Any, gathering: Gathering) -> None:
    """Look at a `Stream` or `AsyncStream` while it is read; `call` is a `Pending` or `Told`."""
    stream._iterator = watched = Watched(stream._iterator, call, gathering)
    response = stream.response
    for name in ("close", "aclose"):
        setattr(response, name, _closing(getattr(response, name), weakref.ref(watched)))


def _closing(original: Callable[[], Any], held: weakref.ref[Watched]) -> Callable[[], Any]:
    """A response's own `close`: whatever stands around a stream calls it when it leaves."""

    def close() -> Any:
        watched = held()
        if watched is not None and not watched.taking:
            watched.cut(None)
        return original()

    return close
