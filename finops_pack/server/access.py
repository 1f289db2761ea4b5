"""Who is calling the API, and what that caller may do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from finops_pack.server import accounts, crypto
from finops_pack.server.accounts import Caller
from finops_pack.server.http import ApiError, too_many
from finops_pack.server.stores import Database
from finops_pack.server.throttle import Rate

_key = HTTPBearer(auto_error=False, scheme_name="key", description="An API key: finops_…")
_session = HTTPBearer(auto_error=False, scheme_name="session", description="A login's token: fs_…")


T = TypeVar("T")
LEDGER_COST = 0.05  # of a request, that a question to a ledger counts against the rate


async def database(request: Request) -> Database:
    """The store of this application."""
    db: Database = request.app.state.db
    return db


Db = Annotated[Database, Depends(database)]
Bearer = HTTPAuthorizationCredentials | None


def _unauthorized(what: str) -> ApiError:
    # One and the same answer for no, malformed, unknown and revoked: it teaches nobody anything.
    headers = {"WWW-Authenticate": "Bearer"}
    return ApiError(401, "unauthorized", f"needed: {what}", headers=headers)


async def looked_up(db: Database, find: Callable[[Database, str], T], key: str) -> T:
    """A row by its key: at once where that is quick, else in a thread that may wait."""
    # Each hop to a thread and back costs more than the look-up: half of all requests a second.
    return find(db, key) if db.quick_reads else await run_in_threadpool(find, db, key)


async def key_holder(request: Request, db: Db, bearer: Annotated[Bearer, Depends(_key)]) -> Caller:
    """The caller behind a `finops_` key: 401, then 429."""
    token = bearer.credentials if bearer else ""
    known = token.startswith(crypto.KEY_PREFIX)
    caller = await looked_up(db, accounts.by_key, token) if known else None
    if caller is None:
        raise _unauthorized("a valid API key, finops_…")
    if caller.unnoted:
        await run_in_threadpool(accounts.note_use, db, caller.credential)
    take(request, caller.credential, _cost(request))
    return caller


def take(request: Request, name: str, cost: float = 1.0) -> None:
    """One request of this key or account: 429 when it has had its share."""
    rate: Rate = request.app.state.rate
    if wait := rate.take(name, cost):
        raise too_many(wait)


def _cost(request: Request) -> float:
    """An agent asks its ledger twice a call, and a report asks it a hundred times."""
    return LEDGER_COST if "ledger" in request.scope["route"].tags else 1.0


async def session_holder(
    request: Request, db: Db, bearer: Annotated[Bearer, Depends(_session)]
) -> Caller:
    """The caller behind a login's `fs_` token: 401, then 429."""
    token = bearer.credentials if bearer else ""
    known = token.startswith(crypto.SESSION_PREFIX)
    caller = await looked_up(db, accounts.by_session, token) if known else None
    if caller is None:
        raise _unauthorized("a session, fs_…, from POST /api/finops/login")
    take(request, caller.account.id)
    return caller


Reader = Annotated[Caller, Depends(key_holder)]


async def _writer(caller: Reader) -> Caller:
    if caller.scope != "write":
        raise ApiError(403, "forbidden", "this key may only read")
    return caller


Writer = Annotated[Caller, Depends(_writer)]
SignedIn = Annotated[Caller, Depends(session_holder)]
