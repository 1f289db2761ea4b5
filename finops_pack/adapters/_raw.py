"""Responses that an SDK hands over raw: parsed later, read as bytes or lines, or never read.

Whatever way a body is read, its bytes pass `iter_bytes` once; nothing is read ahead.
"""

from __future__ import annotations

import inspect
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from finops_pack.adapters._streams import Gathering, Watched, observe
from finops_pack.recorder import guard

if TYPE_CHECKING:
    from finops_pack.adapters._ask import Ask


def look(ask: Ask, result: Any) -> None:
    """At a raw response, now or when the user reads it."""
    response = result.http_response
    if response.is_closed:
        ask.finish(body(response.content))
        return
    reading = _Reading(ask, response)
    if ask.streams and hasattr(result, "parse"):
        _look_when_parsed(reading, result)


def body(content: bytes) -> Any:
    """What came: JSON, else text."""
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")


class Lines(Gathering):
    """A stream's events from its bytes, cut anywhere."""

    def __init__(self, inner: Gathering) -> None:
        super().__init__()
        self.inner, self.rest = inner, b""

    def see(self, event: Any) -> None:
        *lines, self.rest = (self.rest + event).split(b"\n")
        for line in lines:
            if line.startswith(b"data:") and line[5:].lstrip().startswith(b"{"):
                self.inner.see(json.loads(line[5:], object_hook=_as_object))

    def finished(self) -> dict[str, Any]:
        """As of its events."""
        self.said = self.inner.said
        return self.inner.finished()


def _as_object(fields: dict[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(**fields)


class _Whole(Gathering):
    """A body that is no stream."""

    def __init__(self, ask: Ask) -> None:
        super().__init__()
        self.ask, self.parts = ask, list[bytes]()

    def see(self, event: Any) -> None:
        self.parts.append(event)

    def finished(self) -> dict[str, Any]:
        """As of the answer."""
        return self.ask.answered(body(b"".join(self.parts)))


class _WatchedWhole(Watched):
    """Half a body tells nothing of what was billed."""

    @guard
    def cut(self, error: BaseException | None) -> None:
        if self.call.open:
            self.call.orphan()


class _Reading:
    """Looks at the bytes of a response, once they are read."""

    begun = False

    def __init__(self, ask: Ask, response: Any) -> None:
        self.ask, ask.http = ask, None
        for name in ("iter_bytes", "aiter_bytes"):
            setattr(response, name, self._read(getattr(response, name)))
        for name in ("close", "aclose"):
            setattr(response, name, self._closed(getattr(response, name)))

    def _read(self, original: Any) -> Any:
        def iter_bytes(*args: Any, **options: Any) -> Any:
            chunks = original(*args, **options)
            if self.begun or not self.ask.call.open:
                return chunks
            self.begun = True
            if self.ask.streams:
                return Watched(chunks, self.ask.call, Lines(self.ask.gathering()))
            return _WatchedWhole(chunks, self.ask.call, _Whole(self.ask))

        return iter_bytes

    def _closed(self, original: Any) -> Any:
        def close() -> Any:
            if not self.begun and self.ask.call.open:
                guard(self.ask.call.orphan)()
            return original()

        return close


def _look_when_parsed(reading: _Reading, result: Any) -> None:
    """A raw response whose `parse` gives the stream, at once or awaited."""
    parse, ask = result.parse, reading.ask

    def look(stream: Any) -> Any:
        if hasattr(stream, "_iterator") and not isinstance(stream._iterator, Watched):
            reading.begun = True
            observe(stream, ask.call, ask.gathering())
        return stream

    async def awaited(stream: Any) -> Any:
        return look(await stream)

    def watched(*args: Any, **kwargs: Any) -> Any:
        stream = parse(*args, **kwargs)
        return awaited(stream) if inspect.isawaitable(stream) else look(stream)

    result.parse = watched
