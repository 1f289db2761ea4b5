"""A scripted provider on 127.0.0.1 that speaks OpenAI's and Anthropic's wire: tests, the demo.

    with Wire() as wire:
        wire.script(Reply(status=429), Reply(text="Hello"))
        client = openai.OpenAI(base_url=wire.openai_url, api_key="none")

It serves chat completions, responses, embeddings and messages, streamed or not, keeps every
request in `requests`, and answers the default `Reply()` when its script is empty.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from finops_pack.testing import _anthropic, _openai


@dataclass(frozen=True)
class Reply:
    """One scripted answer.

    `tools` are (id, name, arguments) the model asks for. `usage` replaces the wire's own usage
    object; {} sends none. `cut` drops the connection after so many events of a stream.
    `delay` is in seconds, before the answer; `pace` between the events of a stream.
    """

    text: str = "Hello from the wire."
    tools: Sequence[tuple[str, str, Mapping[str, Any]]] = ()
    usage: Mapping[str, Any] | None = None
    status: int = 200
    error: str = "scripted error"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    pace: float = 0.0
    cut: int | None = None
    model: str | None = None
    service_tier: str | None = None
    body: Mapping[str, Any] | str | None = None


@dataclass(frozen=True)
class Seen:
    """One HTTP request as it arrived."""

    path: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    status: int


class Wire:
    """The server; a context manager. `answer` may be a function of (path, body) instead."""

    def __init__(self, answer: Callable[[str, Mapping[str, Any]], Reply] | None = None) -> None:
        self.answer = answer
        self.requests: list[Seen] = []
        self._script: deque[Reply] = deque()
        self._ids = iter(range(1, 1 << 62))
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"wire": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Base URL for Anthropic clients."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def openai_url(self) -> str:
        """Base URL for OpenAI clients."""
        return f"{self.url}/v1"

    @property
    def calls(self) -> int:
        """HTTP requests that arrived."""
        return len(self.requests)

    def script(self, *replies: Reply) -> Wire:
        """Answer these next, in order."""
        self._script.extend(replies)
        return self

    def clear(self) -> None:
        """Forget the script and what was seen."""
        self._script.clear()
        self.requests.clear()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def take(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Reply:
        """The reply to a request, which is remembered."""
        with self._lock:
            scripted = self._script.popleft() if self._script else None
            reply = scripted or (self.answer(path, body) if self.answer else Reply())
            self.requests.append(Seen(path, body, headers, reply.status))
            return reply

    def number(self) -> int:
        """The number that makes the next response's id."""
        with self._lock:
            return next(self._ids)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up in mid-answer is part of the script."""


class _Handler(BaseHTTPRequestHandler):
    wire: Wire
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        reply = self.wire.take(self.path.partition("?")[0], {}, dict(self.headers))
        self._send(reply, reply.body or {})

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        form = str(self.headers.get("Content-Type")).startswith("multipart/")  # files, not read
        body = {} if form else json.loads(sent or b"{}")
        path = self.path.partition("?")[0]
        reply = self.wire.take(path, body, dict(self.headers))
        if reply.delay:
            time.sleep(reply.delay)
        if reply.status >= 400:
            self._send(reply, {"error": {"message": reply.error, "type": "scripted"}})
        elif reply.body is not None:
            self._send(reply, reply.body)
        elif body.get("stream"):
            self._stream(reply, self._speak(path, "stream")(reply, body, self.wire.number()))
        else:
            self._send(reply, self._speak(path, "whole")(reply, body, self.wire.number()))

    def _speak(self, path: str, how: str) -> Any:
        for ending, (module, what) in _PATHS.items():
            if path.endswith(ending):
                return getattr(module, f"{what}_{how}")
        raise ValueError(f"the wire serves no {path}")

    def _head(self, reply: Reply, status: int, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Connection", "close"), *reply.headers.items()):
            self.send_header(name, value)
        self.end_headers()

    def _send(self, reply: Reply, body: Any) -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        size = ("Content-Length", str(len(data)))
        self._head(reply, reply.status, ("Content-Type", "application/json"), size)
        self.wfile.write(data)

    def _stream(self, reply: Reply, events: Iterator[str]) -> None:
        chunked = ("Transfer-Encoding", "chunked")
        self._head(reply, 200, ("Content-Type", "text/event-stream"), chunked)
        for number, event in enumerate(events):
            if number == reply.cut:
                self.close_connection = True
                return
            data = event.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            if reply.pace:
                time.sleep(reply.pace)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


_PATHS = {
    "/chat/completions": (_openai, "chat"),
    "/responses": (_openai, "responses"),
    "/embeddings": (_openai, "embeddings"),
    "/messages": (_anthropic, "messages"),
}
