"""How a connection is made: system and private CAs, and proxies from the environment."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from finops_pack import forks
from finops_pack.errors import ConfigError

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 5.0
KEPT_SECONDS = 50.0  # a connection at rest; most proxies and our own server keep theirs longer
LIMIT = 128 << 20  # bytes of an answer that are read: 90 days of reports of 1 MiB, and more
_PACKED = ("", "identity", "gzip")


def context() -> ssl.SSLContext:
    """Trust `SSL_CERT_FILE`/`SSL_CERT_DIR` where set, else the system's CAs and certifi's."""
    named = {name: os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")}
    for name, value in named.items():
        if value and not Path(value).exists():
            raise ConfigError(f"{name}: {value} does not exist", mend=f"mend or unset {name}")
    try:
        made = ssl.create_default_context()  # OpenSSL reads both variables itself
    except ssl.SSLError as error:
        raise ConfigError(f"the CA certificates cannot be read: {error.reason}") from None
    if not any(named.values()):
        import certifi

        made.load_verify_locations(certifi.where())
    return made


def is_loopback(url: str) -> bool:
    """Whether this URL never leaves the machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def trust(url: str) -> ssl.SSLContext:
    """Whom a client of this base URL trusts; the CAs take 60 ms to read."""
    if is_loopback(url) and url.startswith("http:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # needs none and trusts none
    with forks.barred():
        return context()


def http_client(url: str, seconds: float, trusted: ssl.SSLContext | None = None) -> httpx.Client:
    """A client for one base URL; no redirect is followed, no proxy used for this machine."""
    here = is_loopback(url)
    with forks.barred():
        import encodings.idna  # noqa: F401 - as the first look-up of a host does

        import httpx  # and its first client the rest of it

        try:
            return httpx.Client(
                timeout=httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)),
                limits=httpx.Limits(keepalive_expiry=KEPT_SECONDS),
                headers={"Accept-Encoding": "gzip"},
                follow_redirects=False,
                trust_env=not here,
                verify=trusted or trust(url),
            )
        except httpx.InvalidURL:  # which repeats a part of it, perhaps of the password
            mend = "in its user and password write / as %2F, # as %23, ? as %3F, @ as %40"
            raise ConfigError("HTTPS_PROXY or HTTP_PROXY is no URL", mend=mend) from None
        except (ImportError, ValueError) as error:  # a SOCKS proxy without its package; its scheme
            raise ConfigError(f"HTTPS_PROXY or HTTP_PROXY cannot be used: {error}") from None


def unpacked(answer: httpx.Response) -> Iterator[bytes]:
    """An answer's body as it comes; raises `ValueError` for what may be a bomb.

    A piece that was packed once unpacks to 64 MiB at most; packed twice, two kilobytes fill any
    memory before the first byte of them is seen.
    """
    packed = answer.headers.get("content-encoding", "").strip().lower()
    if packed not in _PACKED:
        raise ValueError(f"an answer packed as {packed[:40]!r}, which was not asked for")
    yield from answer.iter_bytes()


def pieces(answer: httpx.Response) -> Iterator[bytes]:
    """The same, as far as `LIMIT`."""
    size = 0
    for piece in unpacked(answer):
        yield piece[: LIMIT - size]
        size += len(piece)
        if size > LIMIT:
            return
