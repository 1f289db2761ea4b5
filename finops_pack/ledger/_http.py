"""The connection of a ledger behind a server: one key, patience, and our own errors."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from ssl import SSLContext
from typing import Any

import httpx

from finops_pack.errors import LedgerUnreachable
from finops_pack.ledger.wire import ZONE
from finops_pack.report.client import told
from finops_pack.report.keys import Target
from finops_pack.report.tls import http_client, pieces, unpacked

SECONDS = 5.0
LONGEST = 60.0  # seconds in which an answer is read whole, where its reader set no time
LONGEST_LINE = 8 << 20  # bytes of a call in a stream of them
_API = "/api/finops"
_LATER = (429, 503)  # nothing was done, and the server said when to come back
_DOWN = "is the URL right, and the server up?"


def _asked_to_wait(answer: httpx.Response, until: float) -> float:
    """The seconds of `Retry-After`, 0 when there are none or they end after `until`."""
    said = answer.headers.get("Retry-After", "")
    wait = float(said) if said.isdecimal() else 0.0
    return wait if time.monotonic() + wait < until else 0.0


def _other_key(target: Target) -> str:
    """`finops connect` alone would try the key of this ledger on the server of the reports."""
    if target.source == "FINOPS_API_KEY":
        return f"give FINOPS_API_KEY a key of {target.url}: it wins over one that is stored"
    return f"run: finops connect --url {target.url}"


def _document(body: bytes) -> Any:
    """JSON; raises `ValueError`, also for what is nested too deep to be an answer of ours."""
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _lines(answer: httpx.Response) -> Iterator[bytes]:
    """An answer's lines; raises `ValueError` for one that is longer than any call of ours."""
    rest = b""
    for piece in unpacked(answer):
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
        if len(rest) > LONGEST_LINE:
            raise ValueError("a line of the answer does not end")
    if rest:
        yield rest


class Http:
    """Requests to one server; safe for threads and forks. Raises `LedgerUnreachable` alone."""

    def __init__(self, url: str, target: Target, trusted: SSLContext | None = None) -> None:
        self.url = url
        self._base, self._key = target.url, target.key
        self._mend = _other_key(target)
        self._trusted = trusted
        self._held: tuple[int, httpx.Client] | None = None
        self.zone = ""  # of the ledger's days, as the last answer told it

    def ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """The answer's document; asked again when the server says to, within the timeout."""
        until = time.monotonic() + more.get("timeout", SECONDS)
        try:
            answer, body = self._exchange(method, path, **more)
            while answer.status_code in _LATER and (wait := _asked_to_wait(answer, until)):
                time.sleep(wait)
                answer, body = self._exchange(method, path, **more)
        except (httpx.HTTPError, ValueError) as error:
            raise self._unreachable(str(error) or type(error).__name__, _DOWN) from None
        if answer.is_success:
            self.zone = answer.headers.get(ZONE, self.zone)
            return self._told(body)
        raise self._refused(answer, body)

    def _exchange(self, method: str, path: str, **more: Any) -> tuple[httpx.Response, bytes]:
        """One answer and its body: httpx itself would wait as long as the server drips."""
        late = time.monotonic() + more.get("timeout", LONGEST)
        body = bytearray()
        with self._client().stream(method, self._base + _API + path, **more) as answer:
            for piece in pieces(answer):
                body += piece
                if time.monotonic() > late:
                    raise ValueError("the answer does not end")
        return answer, bytes(body)

    def answer(self, path: str, **more: Any) -> Any:
        """What a question was answered."""
        document = self.ask("POST", path, **more)
        if "answer" not in document:
            raise self._strange()
        return document["answer"]

    def _told(self, body: bytes) -> dict[str, Any]:
        try:
            told = _document(body)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise self._strange()
        return told

    def _strange(self) -> LedgerUnreachable:
        return LedgerUnreachable(
            f"{self.url}: what answers there is no FinOps server", mend="mend FINOPS_LEDGER"
        )

    def stream(self, path: str, asked: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The answer's lines, each a document."""
        try:
            url = self._base + _API + path
            with self._client().stream("GET", url, params=asked) as answer:
                if not answer.is_success:
                    raise self._refused(answer, b"".join(pieces(answer)))
                yield from map(self._told, _lines(answer))
        except (httpx.HTTPError, ValueError) as error:
            raise self._unreachable(str(error) or type(error).__name__, _DOWN) from None

    def _refused(self, answer: httpx.Response, body: bytes) -> LedgerUnreachable:
        mend = self._mend if answer.status_code in (401, 403) else None
        try:
            said = _document(body)["error"]["message"]
        except (ValueError, KeyError, TypeError):
            said = "no answer of ours"
        return self._unreachable(f"{answer.status_code} {said}", mend)

    def _unreachable(self, why: str, mend: str | None = None) -> LedgerUnreachable:
        """In words that may be the server's: without our key, should it have echoed it."""
        return LedgerUnreachable(f"{self.url}: {told(why, self._key)}", mend=mend)

    def _client(self) -> httpx.Client:
        """This process's connections: those of a parent are not ours to use after a fork."""
        held = self._held
        if held is None or held[0] != os.getpid():
            held = self._held = (os.getpid(), self._connected())
        return held[1]

    def _connected(self) -> httpx.Client:
        if self._key is None:
            raise LedgerUnreachable(f"{self.url}: no key is stored", mend=self._mend)
        trusted, self._trusted = self._trusted, None  # another process makes one of its own
        client = http_client(self._base, SECONDS, trusted)
        client.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        return client

    def close(self) -> None:
        """Give the connections back."""
        held, self._held = self._held, None
        if held and held[0] == os.getpid():
            held[1].close()


http_client("http://localhost", SECONDS).close()  # the first one imports the rest of httpx
