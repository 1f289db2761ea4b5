"""A request is a task, with its session and tags; requests in flight are never mixed up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import finops_pack
from finops_pack import Usage, config, context
from finops_pack.asgi import FinOpsMiddleware
from finops_pack.ledger import open_ledger
from finops_pack.model import Call

Calls = Callable[[], list[Call]]


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Asks a model, then answers with the status that the path names."""
    await asyncio.sleep(0)
    finops_pack.record(model="gpt-4o", provider="openai", usage=Usage(10, 1), action=scope["path"])
    if scope["path"] == "/broken":
        raise RuntimeError
    await send({"type": "http.response.start", "status": int(scope["path"][1:]), "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def ask(app: Any, path: str, kind: str = "http", **headers: str) -> list[Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    pairs = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    await app({"type": kind, "path": path, "headers": pairs}, None, send)
    return sent


def outcome(task: str | None) -> str | None:
    ledger = open_ledger(config.load().ledger)
    row = ledger.task(task or "")
    ledger.close()
    assert row is not None
    assert row.trigger == "user"
    return row.outcome


async def test_requests_are_tasks(calls: Calls) -> None:
    app = FinOpsMiddleware(
        answer,
        session="X-Session",
        tags={"customer": "x-customer", "feature": lambda scope: scope["path"]},
        project="shop",
    )
    assert len(await ask(app, "/200", x_request_id="r1", x_session="s1", x_customer="acme")) == 2
    await ask(app, "/500", x_request_id="r2")
    with pytest.raises(RuntimeError):
        await ask(app, "/broken", x_request_id="r3")
    one, two, three = calls()
    assert (one.task, one.session, one.project) == ("r1", "s1", "shop")
    assert one.tags == {"customer": "acme", "feature": "/200"}
    assert (two.session, two.tags) == (None, {"feature": "/500"})
    assert [outcome(row.task) for row in (one, two, three)] == [None, "failed", "failed"]
    assert context.current() is context.NOTHING


async def test_many_at_once(calls: Calls) -> None:
    app = FinOpsMiddleware(answer, tags={"customer": "x-customer"})
    await asyncio.gather(*(ask(app, f"/{n}", x_customer=f"c{n}") for n in range(200, 300)))
    rows = calls()
    assert len({row.task for row in rows}) == 100
    assert all(row.tags == {"customer": f"c{(row.action or '')[1:]}"} for row in rows)


async def test_what_is_no_request_passes() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])
        assert context.current() is context.NOTHING

    await FinOpsMiddleware(app)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    assert seen == ["lifespan"]


def test_a_function_that_fails_fails_no_request(calls: Calls, caplog: Any) -> None:
    def user(scope: Any) -> str:
        return str(scope["user"].id)  # of an anonymous request there is none

    app = FinOpsMiddleware(answer, session=user, tags={"customer": user})
    sent = asyncio.run(ask(app, "/200", x_request_id="r1"))
    assert sent[0]["status"] == 200
    asyncio.run(ask(app, "/200", x_request_id="r2"))
    assert [(call.task, call.session, call.tags) for call in calls()] == [
        ("r1", None, {}), ("r2", None, {}),
    ]  # fmt: skip
    assert caplog.text.count("left empty") == 1
