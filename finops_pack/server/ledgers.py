"""Calls and budgets over HTTP: each account has a ledger of its own on the server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from finops_pack import config
from finops_pack.errors import InputError, LedgerUnreachable
from finops_pack.ledger import Ledger, normalise, open_ledger, sqlite_path, wire
from finops_pack.server.access import Reader, Writer
from finops_pack.server.accounts import Account
from finops_pack.server.api import BODY, refusals
from finops_pack.server.http import ApiError, busy, content_type, document, read_body
from finops_pack.server.shapes import Answer, BookedLines, Question, takes

router = APIRouter(prefix="/api/finops", tags=["ledger"])
LINES = "application/x-ndjson"
MAX_LINES = 5000
Spool = Annotated[str | None, Query(min_length=1, max_length=64, pattern=r"^[\w.-]+$")]
Offset = Annotated[int | None, Query(ge=0, le=2**62)]


def beside(database: str) -> Path:
    """Where accounts' ledgers lie: beside the server's SQLite file, else in the state folder."""
    if normalise(database).startswith("sqlite:"):
        return Path(sqlite_path(database)).parent / "ledgers"
    return config.state_dir() / "ledgers"


async def _lines(request: Request) -> list[dict[str, Any]]:
    """The lines of a batch: 413, 415, 400, 422."""
    body = await read_body(request)
    content_type(request, LINES)
    lines = [line for line in body.split(b"\n") if line.strip()]
    if len(lines) > MAX_LINES:
        raise ApiError(422, "invalid_lines", f"more than {MAX_LINES} lines in one batch")
    return [_line(number, line) for number, line in enumerate(lines, 1)]


def _line(number: int, line: bytes) -> dict[str, Any]:
    try:
        found = wire.line(line)
    except ValueError as error:
        raise ApiError(400, "not_json", f"line {number}: {error}") from None
    if not isinstance(found, dict):
        raise ApiError(422, "invalid_lines", f"line {number}: must be an object")
    return found


async def _question(request: Request) -> dict[str, Any]:
    """What is asked of a ledger; no body asks about all."""
    body = await read_body(request)
    if not body:
        return {}
    content_type(request, "application/json")
    return _line(1, body)


@contextmanager
def _ledger(request: Request, account: Account) -> Iterator[Ledger]:
    """This account's ledger; its faults become answers."""
    folder: Path = request.app.state.ledgers
    try:
        ledger = open_ledger(str(folder / f"{account.id}.db"))
        try:
            yield ledger
        finally:
            ledger.close()
    except InputError as refused:
        raise ApiError(422, "invalid_question", str(refused)) from None
    except LedgerUnreachable:
        raise busy("ledger") from None


_BATCH = {
    "requestBody": {
        "required": True,
        "description": "One typed line (`call`, `amend`, `task`, `segment`, `event`) of JSON each.",
        "content": {LINES: {"schema": {"type": "string"}}},
    }
}


@router.post(
    "/calls",
    response_model=BookedLines,
    responses=refusals(401, 403, *BODY),
    openapi_extra=_BATCH,
)
def calls(
    request: Request,
    caller: Writer,
    lines: Annotated[list[dict[str, Any]], Depends(_lines)],
    spool: Spool = None,
    offset: Offset = None,
    after: Offset = None,
) -> Response:
    """Book a batch. A call sent again is one call; with a spool's offset, a batch is one batch."""
    with _ledger(request, caller.account) as ledger:
        place: dict[str, Any] = {} if after is None else {"after": after}
        booked = ledger.book(lines, spool=spool, offset=offset or 0, **place)
    counts = {"new": booked.new, "corrected": booked.corrected, "unchanged": booked.unchanged}
    rejected = [{"index": index, "reason": reason} for index, reason in booked.rejected]
    return document({"ok": True, **counts, "rejected": rejected})


@router.get("/calls", responses={200: {"content": {LINES: {}}}, **refusals(401, 422)})
def stream(
    request: Request,
    caller: Reader,
    where: Annotated[str, Query(description="JSON of the fields of `Where`")] = "{}",
    newest_first: bool = False,
    limit: Annotated[int | None, Query(ge=0, le=10_000_000)] = None,
) -> Response:
    """The calls themselves, one line of JSON each, in order of start."""
    asked = _asked_where(where)

    def lines() -> Iterator[str]:
        with _ledger(request, caller.account) as ledger:
            for call in ledger.calls(asked, newest_first=newest_first, limit=limit):
                yield json.dumps(wire.call_row(call)) + "\n"

    return StreamingResponse(lines(), media_type=LINES)


def _asked_where(text: str) -> Any:
    try:
        return wire.where({"where": wire.loads(text)})
    except (ValueError, InputError) as error:
        raise ApiError(422, "invalid_question", f"where: {error}", "where") from None


def _answers(
    answer_to: wire.Answer, asked: dict[str, Any], request: Request, account: Account
) -> Response:
    with _ledger(request, account) as ledger:
        answer = {"ok": True, "answer": answer_to(ledger, asked)}
        return document(answer, headers={wire.ZONE: ledger.time_zone})


Asked = Annotated[dict[str, Any], Depends(_question)]
READS = Literal[
    "about", "totals", "days", "calls_of", "tasks", "task", "tasks_of", "segments", "get",
    "documents", "spent", "offset", "check",
]  # fmt: skip
WRITES = Literal["reserve", "settle", "put", "delete", "swap", "forget_spool"]


@router.post(
    "/ledger/read/{question}",
    response_model=Answer,
    responses=refusals(401, *BODY),
    openapi_extra=takes(Question, required=False),
)
def read(request: Request, caller: Reader, question: READS, asked: Asked) -> Response:
    """What the ledger knows: totals, days, tasks, what is spent of a budget."""
    return _answers(wire.READS[question], asked, request, caller.account)


@router.post(
    "/ledger/write/{question}",
    response_model=Answer,
    responses=refusals(401, 403, *BODY),
    openapi_extra=takes(Question, required=False),
)
def write(request: Request, caller: Writer, question: WRITES, asked: Asked) -> Response:
    """Set money aside before a call, settle it after; keep documents such as budgets."""
    return _answers(wire.WRITES[question], asked, request, caller.account)
