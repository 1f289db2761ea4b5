"""The REST client: says what became of a request, never raises for what a server does."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal

from finops_pack import __version__
from finops_pack.report import exact, outbox
from finops_pack.report.keys import Secret
from finops_pack.report.tls import http_client, pieces

if TYPE_CHECKING:
    import httpx

API = "/api/finops"
DEADLINE = 15.0  # seconds for one request, first byte to last
SHOWN = 200  # characters of a server's own words
LONGEST_WAIT = outbox.FARTHEST  # seconds of a Retry-After that are kept to, as docs/report.md says
TRY_AGAIN = (408, 425, 429)  # not taken in; 5xx may have been
REPLACES = "finops-reports"

Kind = Literal["ok", "retry", "unclear", "refused"]
"""ok: done. retry: surely not done, try again. unclear: perhaps done. refused: for good."""


@dataclass(frozen=True)
class Reply:
    """What became of one request; `retry_after` in seconds, `status` None without an answer."""

    kind: Kind
    message: str = ""
    status: int | None = None
    body: dict[str, Any] = field(default_factory=dict, repr=False)  # may hold a fresh key
    retry_after: float | None = None
    replaces: bool = False
    timed_out: bool = False


class Client:
    """Requests to one base URL with one secret; for use in one thread, as a context manager."""

    def __init__(self, url: str, secret: Secret | None, *, deadline: float = DEADLINE) -> None:
        self._url = url
        self._secret = secret
        self._deadline = deadline
        self._http: httpx.Client | None = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()

    def send(self, report: str, idempotency_key: str) -> Reply:
        """POST one daily report, given as its JSON text."""
        headers = {"Idempotency-Key": idempotency_key}
        reply = self._ask("POST", "/daily-report", report, headers)
        if reply.kind == "ok" and reply.body.get("ok") is not True:
            why = "the server answered 200 without saying that it saved"
            return replace(reply, kind="unclear", message=why)
        named = reply.body.get("report_id")
        known = {"report_id": told(named, self._secret)} if isinstance(named, str) else {}
        return replace(reply, body={**reply.body, **known})

    def trends(self) -> Reply:
        """GET the days that the server holds, as far back as it tells."""
        reply = self._ask("GET", "/cost-trends?period=90d")
        if reply.kind == "ok" and not isinstance(reply.body.get("data"), list):
            why = "cost-trends: the answer holds no data"
            return replace(reply, kind="unclear", message=why)
        return reply

    def login(self, email: str, password: Secret) -> Reply:
        """POST e-mail and password; the body of an ok reply holds `token`."""
        body = exact.dumps({"email": email, "password": password.reveal()})
        return self._ask("POST", "/login", body, sent=password)

    def register(self, name: str) -> Reply:
        """POST for a key, with the login's token as secret; the body holds `api_key`."""
        return self._ask("POST", "/register", exact.dumps({"name": name}))

    def _ask(
        self,
        method: str,
        path: str,
        content: str | None = None,
        headers: dict[str, str] | None = None,
        sent: Secret | None = None,
    ) -> Reply:
        """One request within the deadline, however slowly the server drips its answer.

        `sent` is a secret in the body, to be hidden like our own.
        """
        box: list[Reply] = []
        request = (method, f"{self._url}{API}{path}", content, self._headers(headers))
        http = self._http = self._http or http_client(self._url, self._deadline)
        worker = threading.Thread(target=lambda: box.append(_exchange(http, *request)), daemon=True)
        worker.start()
        worker.join(self._deadline)
        if not box:
            self._drop()
            return Reply("unclear", f"no answer within {self._deadline:g} s", timed_out=True)
        reply = box[0]
        message = told(reply.message, self._secret, sent)
        return replace(reply, message=message, body=reply.body if reply.kind == "ok" else {})

    def _headers(self, more: dict[str, str] | None) -> dict[str, str]:
        headers = {
            "User-Agent": f"finops-agent-pack/{__version__}",
            "Accept": "application/json",
            "Content-Type": "application/json",
            **(more or {}),
        }
        if self._secret:
            headers["Authorization"] = f"Bearer {self._secret.reveal()}"
        return headers

    def _drop(self) -> None:
        if self._http is not None:
            self._http.close()
        self._http = None


def _exchange(
    http: httpx.Client, method: str, url: str, content: str | None, headers: dict[str, str]
) -> Reply:
    import httpx

    try:
        data = content.encode() if content is not None else None
        with http.stream(method, url, content=data, headers=headers) as answer:
            return _read(answer, b"".join(pieces(answer)))
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        return Reply("retry", f"cannot connect: {_words(error)}")
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        return Reply("refused", _words(error))
    except httpx.TimeoutException:
        return Reply("unclear", "the server fell silent", timed_out=True)
    except Exception as error:  # noqa: BLE001 - whatever broke, it may have arrived before
        return Reply("unclear", f"the connection broke: {_words(error)}")


def _read(answer: httpx.Response, text: bytes) -> Reply:
    try:
        body = exact.loads(text)
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else {}
    status = answer.status_code
    message = "" if status < 300 else _message(answer, body)
    wait = _seconds(answer.headers.get("retry-after")) if status >= 400 else None
    replaces = answer.headers.get(REPLACES, "").strip().lower() == "replace"
    return Reply(_kind(status), message, status, body, wait, replaces)


def _kind(status: int) -> Kind:
    if 200 <= status < 300:
        return "ok"
    if status in TRY_AGAIN:
        return "retry"
    return "unclear" if status >= 500 else "refused"


def _message(answer: httpx.Response, body: dict[str, Any]) -> str:
    error = body.get("error")
    said = error.get("message") if isinstance(error, dict) else None
    if 300 <= answer.status_code < 400:
        said = f"redirects to {answer.headers.get('location', 'nowhere')}: connect to that URL"
    said = said if isinstance(said, str) and said else answer.reason_phrase
    return f"{answer.status_code} {_tame(said)}".strip()


def _words(error: Exception) -> str:
    return _tame(str(error) or type(error).__name__)


def _tame(text: str) -> str:
    """Somebody else's words, fit for one line of a terminal."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


def told(text: str, *secrets: Secret | None) -> str:
    """What a server says, without our secrets, should it have echoed one, and then cut."""
    for secret in filter(None, secrets):
        text = secret.hide(text)  # a piece of one would not be found any more
    return _tame(text)[:SHOWN]


def _seconds(text: str | None) -> float | None:
    """A Retry-After, as seconds or as a date; None when it says neither."""
    if not text:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return min(float(text), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    wait = (moment - datetime.fromtimestamp(time.time(), UTC)).total_seconds()
    return min(max(wait, 0.0), LONGEST_WAIT)
