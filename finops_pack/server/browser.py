"""Who looks at a page: language, session, and the token that proves a form is ours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Depends, Request, Response

from finops_pack.server import accounts, crypto, notices, texts
from finops_pack.server.access import Db, looked_up, take
from finops_pack.server.accounts import Account
from finops_pack.server.http import ApiError, read_body

SESSION, FORM, LANGUAGE = "finops_session", "finops_form", "finops_language"
WANTED = "finops_wanted"  # the page that was asked for before the sign-in
_YEAR = 31_536_000
_HOUR = 3600
_OURS = re.compile(r"/[a-z]*(\?[\w=&]{0,200})?")  # no other host


@dataclass(frozen=True, slots=True)
class Visitor:
    """One request of a browser; `account` None before sign-in."""

    language: str
    secret: str  # of the session, else of a cookie made for the sign-in form
    account: Account | None = None
    alerts: int = 0  # that are open

    @property
    def form_token(self) -> str:
        """What every form of this visitor carries."""
        return crypto.form_token(self.secret)


class SignInFirst(Exception):
    """The page is for signed-in visitors."""


def language_of(request: Request) -> str:
    """The language chosen, else the browser's first that we speak."""
    chosen = request.query_params.get("lang") or request.cookies.get(LANGUAGE)
    if chosen in texts.LANGUAGES:
        return chosen
    wanted = request.headers.get("accept-language", "").lower().split(",")
    spoken = [part.strip()[:2] for part in wanted if part.strip()[:2] in texts.LANGUAGES]
    return spoken[0] if spoken else "en"


async def visitor(request: Request, db: Db) -> Visitor:
    """Who looks, signed in or not."""
    language, token = language_of(request), request.cookies.get(SESSION, "")
    caller = await looked_up(db, accounts.by_session, token) if token else None
    if caller:
        open_alerts = await looked_up(db, notices.open_count, caller.account.id)
        return Visitor(language, token, caller.account, open_alerts)
    return Visitor(language, request.cookies.get(FORM) or crypto.new_session())


Anyone = Annotated[Visitor, Depends(visitor)]


async def signed_in(request: Request, who: Anyone) -> Visitor:
    """Who looks; raises `SignInFirst`, and 429 for an account that asks too often."""
    if who.account is None:
        raise SignInFirst
    take(request, who.account.id)
    return who


Member = Annotated[Visitor, Depends(signed_in)]


async def _form(request: Request, who: Anyone) -> dict[str, str]:
    """The fields of a form that one of our own pages sent; 403 for any other."""
    text = (await read_body(request)).decode("utf-8", "replace")
    try:
        fields = {name: values[0] for name, values in parse_qs(text, max_num_fields=20).items()}
    except ValueError:
        raise ApiError(400, "not_a_form", "too many fields") from None
    if not crypto.same(fields.pop("form_token", ""), who.form_token):
        raise ApiError(403, "forbidden", "the form has expired: load the page again")
    return fields


Form = Annotated[dict[str, str], Depends(_form)]


def remember(response: Response, request: Request, name: str, value: str, seconds: int) -> None:
    """Set one of our cookies: out of reach of scripts, and of other sites' forms."""
    secure = request.url.scheme == "https"
    response.set_cookie(name, value, seconds, secure=secure, httponly=True, samesite="lax")


def keep_language(response: Response, request: Request) -> None:
    """Remember a language that was chosen by link."""
    if request.query_params.get("lang") in texts.LANGUAGES:
        remember(response, request, LANGUAGE, request.query_params["lang"], _YEAR)


def keep_wanted(response: Response, request: Request) -> None:
    """Remember the page that was asked for; a form that was sent is asked for anew."""
    page = "?".join(filter(None, (request.url.path, request.url.query)))
    if request.method == "GET" and _OURS.fullmatch(page):
        remember(response, request, WANTED, page, _HOUR)


def wanted(request: Request) -> str:
    """The page to go on to after the sign-in."""
    page = request.cookies.get(WANTED, "")
    return page if _OURS.fullmatch(page) else "/"
