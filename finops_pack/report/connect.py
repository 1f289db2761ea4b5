"""Get a key, try it, keep it: what `finops connect` does."""

from __future__ import annotations

from pathlib import Path

from finops_pack.errors import DeliveryError
from finops_pack.report import keys
from finops_pack.report.client import Client, Reply
from finops_pack.report.keys import Secret, api_key


class Unreachable(DeliveryError):
    """The server did not answer, or asked us to come back later."""

    code = "server_unreachable"


def register(url: str, email: str, password: Secret) -> Secret:
    """Sign in and have a key made; raises `DeliveryError`."""
    with Client(url, None) as client:
        reply = client.login(email, password)
    token = _field(reply, "token", "sign-in")
    with Client(url, Secret(token)) as client:
        return api_key(_field(client.register("finops connect"), "api_key", "registration"))


def _field(reply: Reply, name: str, step: str) -> str:
    value = _answered(reply, step).body.get(name)
    # Header-safe, or the next request would name it in an error.
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise DeliveryError(f"{step}: the answer holds no {name}", mend="is this the right URL?")
    return value


def connect(url: str, key: Secret) -> Path:
    """Try the key with a GET and keep it for this URL; raises `DeliveryError`."""
    with Client(url, key) as client:
        reply = client.trends()
    if not (reply.replaces and reply.status == 200):  # too much to read is an answer, too
        _answered(reply, "the key was tried and not stored")
    return keys.store(url, key)


def _answered(reply: Reply, step: str) -> Reply:
    if reply.kind == "ok":
        return reply
    if reply.kind in ("retry", "unclear"):
        raise Unreachable(f"{step}: {reply.message}", mend="is the URL right, and the server up?")
    mends = {401: "check the e-mail, password or key", 404: "check the URL: no FinOps API there"}
    raise DeliveryError(f"{step}: {reply.message}", mend=mends.get(reply.status or 0))
