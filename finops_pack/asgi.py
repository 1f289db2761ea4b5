"""ASGI middleware: each request is a task, with its session and tags.

    app = FinOpsMiddleware(app, session="x-session-id", tags={"customer": "x-customer-id"})

Each is the name of a header or a function of the ASGI scope. Headers that anybody may set are
no ground for chargeback: where it matters, give a function that asks your own authentication.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from finops_pack import context, log
from finops_pack import recorder as _recorder  # noqa: F401  where the lines of a task go

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Value = str | Callable[[Scope], str | None]


class FinOpsMiddleware:
    """Wraps an ASGI app; requests and websockets are tasks, everything else passes."""

    def __init__(
        self,
        app: App,
        *,
        task: Value = "x-request-id",
        session: Value | None = None,
        tags: Mapping[str, Value] | None = None,
        project: str | None = None,
    ) -> None:
        self.app = app
        self._task = task
        self._session = session
        self._tags = dict(tags or {})
        self._project = project

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): text for name, text in scope.get("headers") or ()}
        said = {key: _value(how, scope, headers) for key, how in self._tags.items()}
        tags = {key: text for key, text in said.items() if text}
        task = context.task(
            _value(self._task, scope, headers), trigger="user", project=self._project, tags=tags
        )

        async def watching(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 500:
                task.failed()
            await send(message)

        with context.Scope(session=_value(self._session, scope, headers)), task:
            await self.app(scope, receive, watching)


def _value(how: Value | None, scope: Scope, headers: Mapping[str, bytes]) -> str | None:
    if callable(how):
        return _asked(how, scope)
    text = headers.get(how.lower()) if how else None
    return text.decode("latin-1")[:200] if text else None


_told: set[int] = set()  # functions whose fault was logged: once, not with each request


def _asked(how: Callable[[Scope], str | None], scope: Scope) -> str | None:
    """What the function says; a request is served whether it can say or not."""
    try:
        return how(scope)
    except Exception as error:  # noqa: BLE001 - attribution is no reason to fail a request
        if id(how) not in _told:
            _told.add(id(how))
            log.warning("a function for session, task or tags failed; left empty", error)
        return None
