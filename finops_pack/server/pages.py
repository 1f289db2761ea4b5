"""The dashboard of an account: pages for a browser, behind a sign-in."""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from finops_pack.server import (
    accounts,
    chrome,
    clock,
    crypto,
    notices,
    overview,
    render,
    reports,
    texts,
    throttle,
)
from finops_pack.server.access import Db
from finops_pack.server.accounts import Account
from finops_pack.server.browser import (
    FORM,
    SESSION,
    WANTED,
    Anyone,
    Form,
    Member,
    Visitor,
    keep_language,
    remember,
    wanted,
)
from finops_pack.server.http import ApiError
from finops_pack.server.screen import PERIODS, Screen
from finops_pack.server.shapes import Budget, Register, checked
from finops_pack.server.stores import Database

router = APIRouter(include_in_schema=False, default_response_class=Response)
SCREENS = {"/": "overview.html", "/costs": "costs.html", "/levers": "levers.html"}
_HOUR = 3600


@router.get("/login")
def login_page(request: Request, who: Anyone) -> Response:
    """The sign-in form; visitors that are signed in go on to the overview."""
    if who.account:
        return RedirectResponse("/", 303)
    return _login_form(request, who)


def _login_form(
    request: Request, who: Visitor, problem: str = "", email: str = "", status: int = 200
) -> Response:
    frame = chrome.of_account(who, "/login")
    answer = render.page(
        "login.html", who.language, status, chrome=frame, problem=problem, email=email
    )
    remember(answer, request, FORM, who.secret, _HOUR)
    keep_language(answer, request)
    return answer


@router.post("/login")
def login(request: Request, db: Db, who: Anyone, fields: Form) -> Response:
    """Sign in: throttled, and in the same words whatever was wrong."""
    say, email = texts.translator(who.language), fields.get("email", "")
    address = request.client.host if request.client else ""
    if wait := throttle.try_sign_in(db, email, address):
        problem = say("Too many tries: wait {minutes} minutes.", minutes=math.ceil(wait / 60))
        answer = _login_form(request, who, problem, email, 429)
        answer.headers["Retry-After"] = str(wait)
        return answer
    account = accounts.by_password(db, email, fields.get("password", ""))
    if account is None:
        problem = say("E-mail address or password is wrong.")
        return _login_form(request, who, problem, email, 401)
    throttle.signed_in(db, email, address)
    lasts = accounts.PAGE_SESSION
    token, _ = accounts.open_session(db, account, lasts)
    answer = RedirectResponse(wanted(request), 303)
    answer.delete_cookie(WANTED)
    remember(answer, request, SESSION, token, int(lasts.total_seconds()))
    return answer


@router.post("/logout")
def logout(db: Db, who: Member, fields: Form) -> Response:
    """End the session."""
    accounts.close_session(db, who.secret)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(SESSION)
    return answer


def _screen_page(path: str) -> Callable[..., Response]:
    def show(request: Request, db: Db, who: Member, period: str = "30d") -> Response:
        if not reports.any_report(db, _account(who).id):
            return RedirectResponse("/start", 303)
        screen = overview.of_account(db, _account(who), period if period in PERIODS else "30d")
        return shown(request, who, path, screen)

    return show


def shown(request: Request, who: Visitor, path: str, screen: Screen) -> Response:
    """One of the screens of an account."""
    frame = chrome.of_account(who, path, screen.period, len(screen.alerts))
    chart = render.chart_data(screen, who.language)
    template = SCREENS.get(path, "alerts.html")
    answer = render.page(template, who.language, chrome=frame, screen=screen, chart=chart)
    keep_language(answer, request)
    return answer


for _path in (*SCREENS, "/alerts"):
    router.add_api_route(_path, _screen_page(_path), methods=["GET"])


def _account(who: Visitor) -> Account:
    assert who.account is not None  # `Member` holds it
    return who.account


@router.get("/start")
def start(request: Request, who: Member) -> Response:
    """The first-use page: the one line, and the curl example."""
    base = str(request.base_url).rstrip("/")
    frame = chrome.of_account(who, "/start")
    curl = CURL.format(base=base, today=clock.today())
    answer = render.page("start.html", who.language, chrome=frame, base_url=base, curl=curl)
    keep_language(answer, request)
    return answer


CURL = """curl -X POST {base}/api/finops/daily-report \\
  -H "Authorization: Bearer finops_your_api_key" \\
  -H "Content-Type: application/json" \\
  -d '{{
    "date": "{today}",
    "total_tokens": 1842000,
    "total_cost": 14.73,
    "total_requests": 312
  }}'"""


@router.get("/keys")
def keys(request: Request, db: Db, who: Member) -> Response:
    """The account's keys."""
    answer = _keys_page(db, who)
    keep_language(answer, request)
    return answer


def _keys_page(
    db: Database, who: Visitor, new_key: str = "", problem: str = "", status: int = 200
) -> Response:
    held = accounts.keys(db, _account(who).id)
    frame = chrome.of_account(who, "/keys")
    values: dict[str, Any] = {"keys": held, "new_key": new_key, "problem": problem}
    values["once"] = secrets.token_hex(8)  # a form that is sent again makes no other key
    return render.page("keys.html", who.language, status, chrome=frame, **values)


@router.post("/keys")
def register(db: Db, who: Member, fields: Form) -> Response:
    """A new key, shown in this one answer."""
    try:
        asked = checked(Register, fields)
    except ApiError as refused:
        problem = PROBLEMS.get(refused.field or "", refused.message)
        return _keys_page(db, who, problem=texts.translator(who.language)(problem), status=422)
    account, once = _account(who).id, fields.get("once", "")
    # of this account's own: nobody takes another's id, or learns that it is taken
    key_id = f"key_{crypto.fingerprint(account + once)[:16]}" if once else ""
    key, _ = accounts.register_key(db, account, asked.name, asked.scope, key_id)
    if key:
        return _keys_page(db, who, new_key=key)
    problem = texts.translator(who.language)(SENT)
    return _keys_page(db, who, problem=problem, status=409)


@router.post("/keys/{key_id}/revoke")
def revoke(db: Db, who: Member, fields: Form, key_id: str) -> Response:
    """End a key at once; another account's is as good as none."""
    accounts.revoke_key(db, _account(who).id, key_id)
    return RedirectResponse("/keys", 303)


@router.get("/settings")
def settings(request: Request, who: Member, saved: bool = False) -> Response:
    """Company, budget and threshold."""
    account = _account(who)
    fields = {
        "company_name": account.company_name,
        "monthly_budget": "" if account.monthly_budget is None else account.monthly_budget,
        "alert_threshold_pct": account.alert_threshold_pct,
    }
    answer = _settings_page(who, fields, saved=saved)
    keep_language(answer, request)
    return answer


def _settings_page(
    who: Visitor, fields: dict[str, Any], *, saved: bool = False, problem: str = ""
) -> Response:
    frame, status = chrome.of_account(who, "/settings"), 422 if problem else 200
    values: dict[str, Any] = {"fields": fields, "saved": saved, "problem": problem}
    return render.page("settings.html", who.language, status, chrome=frame, **values)


SENT = "This form was sent before: its key is registered, and was shown then."
PROBLEMS = {
    "name": "The key needs a name, of at most 200 characters.",
    "company_name": "The company needs a name, of at most 200 characters.",
    "monthly_budget": "The budget must be an amount above 0, not grouped: 1000 or 1000.50.",
    "alert_threshold_pct": "The percent must be a whole number from 1 to 100.",
}
# A thousand to some and one to others: asked again, rather than to be a budget of one dollar.
_GROUPED = re.compile(r"[1-9]\d{0,2}([.,]\d{3})+")


@router.post("/settings")
def save_settings(db: Db, who: Member, fields: Form) -> Response:
    """Store them."""
    given = {name: fields.get(name, "") for name in Budget.model_fields}
    try:
        asked = checked(Budget, _numbers(given))
    except ApiError as refused:
        problem = PROBLEMS.get(refused.field or "", refused.message)
        return _settings_page(who, given, problem=texts.translator(who.language)(problem))
    notices.set_budget(db, _account(who), asked)
    return RedirectResponse("/settings?saved=true", 303)


def _numbers(given: dict[str, str]) -> dict[str, Any]:
    """The form's text as the API's JSON has it; what is no number is left for the check."""
    found: dict[str, Any] = {"company_name": given["company_name"].strip()}
    for name in ("monthly_budget", "alert_threshold_pct"):
        text = given[name].strip()
        if _GROUPED.fullmatch(text):
            found[name] = text
            continue
        text = text.replace(",", ".")
        try:
            found[name] = Decimal(text) if text else None
        except InvalidOperation:
            found[name] = text
    return found
