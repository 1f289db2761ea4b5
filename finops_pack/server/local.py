"""The dashboard of this machine's ledger: the same pages, without an account, on loopback."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.middleware.trustedhost import TrustedHostMiddleware

from finops_pack import query
from finops_pack.errors import LedgerUnreachable
from finops_pack.query import Period, Reader
from finops_pack.server import chrome, machine, render, tasks, texts
from finops_pack.server.app import application
from finops_pack.server.browser import keep_language, language_of
from finops_pack.server.screen import PERIODS

# A page of another site may resolve its own name to 127.0.0.1; its Host gives it away.
HOSTS = ["localhost", "127.0.0.1", "::1", "[::1]"]
TEMPLATES = {
    "/": "overview.html",
    "/costs": "costs.html",
    "/levers": "levers.html",
    "/alerts": "alerts.html",
}
router = APIRouter(include_in_schema=False, default_response_class=Response)


def create_local(ledger: str | None = None) -> FastAPI:
    """The pages of this ledger (default: the settings'); reads only."""
    app = application("The dashboard of this machine's ledger.")
    app.state.ledger = ledger
    app.state.screens = machine.Screens()
    app.include_router(router)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False)
    app.add_exception_handler(LedgerUnreachable, _unreachable)
    return app


def _reader(request: Request) -> AbstractContextManager[Reader]:
    return query.open(request.app.state.ledger)


def _period(request: Request) -> str:
    asked = request.query_params.get("period", "")
    return asked if asked in PERIODS else "7d"


def _screen_page(path: str) -> Callable[..., Response]:
    def show(request: Request) -> Response:
        with _reader(request) as reader:
            if reader.span() is None:
                return _start(request, reader)
            screens: machine.Screens = request.app.state.screens
            screen = screens.of_ledger(reader, _period(request))
            language = language_of(request)
            return _page(
                request,
                TEMPLATES[path],
                chrome.of_ledger(reader.ledger_url, path, screen.period, len(screen.alerts)),
                screen=screen,
                chart=render.chart_data(screen, language),
            )

    return show


for _path in TEMPLATES:
    router.add_api_route(_path, _screen_page(_path), methods=["GET"])


def _start(request: Request, reader: Reader) -> Response:
    """Nothing was ever recorded: how to begin."""
    frame = chrome.of_ledger(reader.ledger_url, "/")
    return _page(request, "start.html", frame, base_url="", curl="")


@router.get("/tasks")
def task_list(request: Request) -> Response:
    """The tasks of a period, dearest first."""
    name = _period(request)
    with _reader(request) as reader:
        if reader.span() is None:
            return _start(request, reader)
        period = Period.of(name, zone=reader.zone)
        rows, more = tasks.rows(reader, period)
        frame = chrome.of_ledger(
            reader.ledger_url, "/tasks", name, request.app.state.screens.alerts
        )
        note = machine.nothing(reader, period, "finops task")
        return _page(request, "tasks.html", frame, rows=rows, more=more, note=note)


@router.get("/tasks/{task_id:path}")
def task(request: Request, task_id: str) -> Response:
    """One task, opened to its call tree."""
    with _reader(request) as reader:
        opened = tasks.opened(reader, task_id)
        alerts = request.app.state.screens.alerts
        frame = chrome.of_ledger(reader.ledger_url, "/tasks", alerts=alerts)
        if opened is None:
            say = texts.translator(language_of(request))
            words = {
                "title": say("No such page"),
                "message": say("This task is no longer in the ledger."),
            }
            return _page(request, "message.html", frame, 404, **words)
        return _page(request, "task.html", frame, opened=opened)


def _page(
    request: Request, template: str, frame: chrome.Chrome, status: int = 200, **values: Any
) -> Response:
    answer = render.page(template, language_of(request), status, chrome=frame, **values)
    keep_language(answer, request)
    return answer


def _unreachable(request: Request, error: Exception) -> Response:
    """Empty is not zero: a ledger that cannot be read says so, with the cause."""
    frame = chrome.of_ledger("", "/")
    say = texts.translator(language_of(request))
    words = {"title": say("The ledger cannot be read"), "message": str(error)}
    return _page(request, "message.html", frame, 503, **words)
