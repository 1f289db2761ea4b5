"""The REST API: what agents report to and read from, as API.md and the seed have it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response

from finops_pack.report import answers
from finops_pack.report.model import DailyReport, InvalidReport, parse
from finops_pack.server import accounts, clock, figures, notices, reports, throttle
from finops_pack.server.access import Db, Reader, SignedIn, Writer
from finops_pack.server.accounts import Account
from finops_pack.server.http import (
    ApiError,
    document,
    json_body,
    listing,
    optional_json_body,
    too_many,
)
from finops_pack.server.screen import PERIODS
from finops_pack.server.shapes import (
    Budget,
    BudgetAnswer,
    Done,
    Keys,
    Login,
    Register,
    checked,
    takes,
)
from finops_pack.server.stores import Database

router = APIRouter(prefix="/api/finops", tags=["finops"])
TREND_DAYS = 90

_SAID = {
    400: "not JSON",
    401: "no, malformed, unknown or revoked credential",
    403: "a key without the right",
    404: "not found",
    413: "body over 1 MiB",
    415: "not JSON content",
    422: "a field, named",
    429: "too many requests; see Retry-After",
    500: "an error of ours",
    503: "the store or the ledger is busy; see Retry-After",
}
BODY = (400, 413, 415, 422)


def refusals(*codes: int) -> dict[int | str, dict[str, Any]]:
    """How OpenAPI says what a call may be refused with."""
    named = sorted({*codes, 429, 500, 503})
    return {code: {"model": answers.Refused, "description": _SAID[code]} for code in named}


Json = Annotated[Any, Depends(json_body)]
OptionalJson = Annotated[Any, Depends(optional_json_body)]


@router.post(
    "/login",
    response_model=answers.LoggedIn,
    responses=refusals(401, *BODY),
    openapi_extra=takes(Login),
)
def login(request: Request, db: Db, body: Json) -> Response:
    """A session for `register`, for an account's e-mail address and password."""
    asked = checked(Login, body)
    address = request.client.host if request.client else ""
    if wait := throttle.try_sign_in(db, asked.email, address):
        raise too_many(wait)
    account = accounts.by_password(db, asked.email, asked.password)
    if account is None:
        raise ApiError(401, "unauthorized", "e-mail address or password is wrong")
    throttle.signed_in(db, asked.email, address)
    token, ends = accounts.open_session(db, account)
    return document({"ok": True, "token": token, "expires_at": ends})


@router.post(
    "/register",
    status_code=201,
    response_model=answers.Registered,
    responses=refusals(401, *BODY),
    openapi_extra=takes(Register, required=False),
)
def register(db: Db, caller: SignedIn, body: OptionalJson) -> Response:
    """A new API key; it is shown this once."""
    asked = checked(Register, {} if body is None else body)
    key, key_id = accounts.register_key(db, caller.account.id, asked.name, asked.scope)
    message = "Store this key now: it is not shown again"
    answer = {"ok": True, "api_key": key, "key_id": key_id, "message": message}
    return document(answer, 201)


@router.post(
    "/daily-report",
    response_model=answers.Saved,
    responses=refusals(401, 403, *BODY),
    openapi_extra=takes(DailyReport),
)
def daily_report(
    db: Db,
    caller: Writer,
    body: Json,
    idempotency_key: Annotated[
        str | None, Header(description="Accepted; a report sent again replaces itself anyway.")
    ] = None,
) -> Response:
    """Save one day of one reporter, in place of what it sent for that day before."""
    try:
        report = parse(body)
        reports.check(report)
    except InvalidReport as refused:
        raise ApiError(422, refused.code, str(refused), refused.field or None) from None
    saved = reports.save(db, caller.account.id, report)
    message = "Daily report replaced" if saved.replaced else "Daily report saved"
    answer: dict[str, Any] = {"ok": True, "report_id": saved.report_id, "message": message}
    if warnings := report.warnings():
        answer["warnings"] = warnings
    return document(answer)


def _span(db: Database, account: Account, count: int) -> tuple[date, date, Iterator[figures.Day]]:
    """The last so many days; those with reports are read one by one."""
    end = reports.span_end(db, account.id)
    start = end - timedelta(days=count - 1)
    return start, end, figures.day_by_day(reports.load(db, account.id, start, end))


def _newest(
    db: Database, account: Account, scored: Sequence[dict[str, Any]]
) -> dict[str, Any] | None:
    """The newest scored day, also when it lies before the days at hand."""
    older = figures.trend(figures.days(reports.last_scored(db, account.id))) if not scored else ()
    return next(iter((*reversed(scored), *older)), None)


@router.get("/dashboard", response_model=answers.Dashboard, responses=refusals(401, 422))
def dashboard(db: Db, caller: Reader, period: answers.Period = "30d") -> Response:
    """Totals, score, alerts and recommendations of the period."""
    account = caller.account
    _, end, days = _span(db, account, TREND_DAYS)
    found = list(days)
    start = end - timedelta(days=PERIODS[period] - 1)
    shown = [day for day in found if day.date >= start.isoformat()]
    totals = [day.totals() for day in found]
    scored = figures.trend(found)
    return document(
        {
            "customer": {"id": account.id, **_budget(account)},
            "summary": figures.summary(shown, start, end),
            "efficiency": _newest(db, account, scored),
            "alerts": notices.remembered(db, account, totals),
            "recommendations": notices.recommendations(totals, clock.today()),
        }
    )


@router.get("/efficiency-score", response_model=answers.Efficiency, responses=refusals(401))
def efficiency_score(db: Db, caller: Reader) -> Response:
    """The newest score and those of 90 days."""
    scored = figures.trend(_span(db, caller.account, TREND_DAYS)[2])
    return document({"current": _newest(db, caller.account, scored), "trend": scored})


@router.get("/cost-trends", response_model=answers.CostTrends, responses=refusals(401, 422))
def cost_trends(db: Db, caller: Reader, period: answers.Period = "30d") -> Response:
    """One row a day with reports, oldest first."""
    count = PERIODS[period]
    start, end, days = _span(db, caller.account, count)
    span = {"start": start.isoformat(), "end": end.isoformat(), "days": count}
    return listing({"period": span}, map(figures.data_row, days))


@router.get("/alerts", response_model=answers.Alerts, responses=refusals(401))
def alerts(db: Db, caller: Reader) -> Response:
    """The alerts in force."""
    return document({"alerts": notices.current(db, caller.account)})


@router.get("/keys", response_model=Keys, responses=refusals(401))
def keys(db: Db, caller: Reader) -> Response:
    """The account's keys and when each was last used."""
    return document({"keys": accounts.keys(db, caller.account.id)})


@router.delete("/keys/{key_id}", response_model=Done, responses=refusals(401, 403, 404, 422))
def revoke(db: Db, caller: Writer, key_id: str) -> Response:
    """End a key at once."""
    if not accounts.revoke_key(db, caller.account.id, key_id):
        raise ApiError(404, "not_found", "the account has no such key")
    return document({"ok": True})


@router.get("/budget", response_model=BudgetAnswer, responses=refusals(401))
def budget(caller: Reader) -> Response:
    """The account's monthly budget and alert threshold."""
    return document(_budget(caller.account))


@router.put(
    "/budget",
    response_model=BudgetAnswer,
    responses=refusals(401, 403, *BODY),
    openapi_extra=takes(Budget),
)
def set_budget(db: Db, caller: Writer, body: Json) -> Response:
    """Set them; USD a month, null for no budget."""
    return document(_budget(notices.set_budget(db, caller.account, checked(Budget, body))))


def _budget(account: Account) -> dict[str, Any]:
    return {
        "company_name": account.company_name,
        "monthly_budget": account.monthly_budget,
        "alert_threshold_pct": account.alert_threshold_pct,
    }
