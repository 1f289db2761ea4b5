"""The application: both faces over one store, and what goes wrong in the shape of each."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from finops_pack import __version__
from finops_pack.server import api, assets, ledgers, pages, render, texts
from finops_pack.server.browser import SignInFirst, keep_wanted, language_of
from finops_pack.server.chrome import Chrome
from finops_pack.server.headers import Headers, complete
from finops_pack.server.http import ApiError, busy, document
from finops_pack.server.shapes import Done
from finops_pack.server.stores import Busy, Database
from finops_pack.server.throttle import Rate

_log = logging.getLogger("finops_pack.server")
_JSON_PATHS = ("/api/", "/healthz", "/openapi.json")
_CODES = {404: "not_found", 405: "method_not_allowed"}


def create_app(db: Database, folder: Path, *, rate: Rate | None = None) -> FastAPI:
    """The REST API and the dashboard for the accounts in `db`; their ledgers in `folder`."""
    app = application("The REST API that agents report their spend to.")
    app.state.db = db
    app.state.ledgers = folder
    app.state.rate = rate or Rate()
    app.include_router(api.router)
    app.include_router(ledgers.router)
    app.include_router(pages.router)
    app.add_api_route("/healthz", _healthy, methods=["GET"], response_model=Done)
    app.add_exception_handler(SignInFirst, _to_sign_in)
    app.add_exception_handler(Busy, _busy)
    return app


def application(description: str) -> FastAPI:
    """What the server and the local dashboard share: assets, headers, errors."""
    app = FastAPI(
        title="Agent FinOps",
        version=__version__,
        description=description,
        docs_url=None,  # FastAPI's own page loads its scripts from another host
        redoc_url=None,
        redirect_slashes=False,  # a redirect would be one more answer that nobody expects
    )
    app.include_router(assets.router)
    app.add_middleware(Headers)
    app.add_exception_handler(ApiError, _refused)
    app.add_exception_handler(HTTPException, _http_fault)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _broken)
    return app


def _healthy(request: Request) -> Response:
    """Whether the store answers."""
    request.app.state.db.read("SELECT version FROM schema_version")
    return document({"ok": True})


def _to_sign_in(request: Request, error: Exception) -> Response:
    answer = RedirectResponse("/login", 303)
    keep_wanted(answer, request)
    return answer


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    if _is_json(request):
        return error.answer()
    said = "The form has expired: load the page again." if error.status == 403 else error.message
    answer = _message(request, error.status, "Something went wrong", said)
    answer.headers.update(error.headers)
    return answer


def _http_fault(request: Request, error: Any) -> Response:
    if _is_json(request):
        code = _CODES.get(error.status_code, "refused")
        return ApiError(error.status_code, code, error.detail, headers=error.headers).answer()
    if error.status_code == 404:
        return _message(request, 404, "No such page", "That page does not exist.")
    return _message(request, error.status_code, "Something went wrong", error.detail)


def _invalid(request: Request, error: Any) -> Response:
    fault = error.errors()[0]
    field = str(fault["loc"][-1])
    refused = ApiError(422, "invalid_request", f"{field}: {fault['msg']}", field)
    return _refused(request, refused)


def _broken(request: Request, error: Exception) -> Response:
    """Our own fault: said without a word of what is inside; uvicorn logs the traceback."""
    # Starlette answers it outside of every middleware, and uvicorn hangs up after it.
    gone = {"Connection": "close"}
    said = "an error of ours; it is in the server's log"
    answer = _refused(request, ApiError(500, "internal", said, headers=gone))
    answer.headers.update(gone)
    complete(answer.headers, request.scope)
    return answer


def _busy(request: Request, error: Exception) -> Response:
    _log.warning("%s %s: %s", request.method, request.url.path, error)
    return _refused(request, busy("store"))


def _is_json(request: Request) -> bool:
    return request.url.path.startswith(_JSON_PATHS)


def _message(request: Request, status: int, title: str, message: str) -> Response:
    language = language_of(request)
    say = texts.translator(language)
    values = {"chrome": Chrome(), "title": say(title), "message": say(message)}
    return render.page("message.html", language, status, **values)
