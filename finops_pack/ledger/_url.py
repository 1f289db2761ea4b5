"""The URL of a ledger: its one spelling, its id, its file."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from finops_pack import forks
from finops_pack.config import file_of
from finops_pack.errors import ConfigError

if TYPE_CHECKING:
    from urllib.parse import SplitResult

_WHICH = ("dbname", "host", "hostaddr", "options", "port", "service", "user")
"""What of the query of PostgreSQL's URL says which ledger is meant, a schema by `options`."""

# Python's own, where it is built in: hashlib would load OpenSSL, 3 ms of a cold start.
try:
    _sha256 = import_module("_sha2" if sys.version_info >= (3, 12) else "_sha256").sha256
except ImportError:
    _sha256 = import_module("hashlib").sha256


def normalise(url: str) -> str:
    """A ledger's URL in one spelling, without password; a plain path becomes `sqlite:///`.

    `sqlite:////abs/path` has four slashes, as SQLAlchemy writes it.
    """
    file = file_of(url)
    if file is not None:
        return f"sqlite:///{os.path.abspath(os.path.expanduser(file))}"
    with forks.barred():
        from urllib.parse import parse_qsl, urlencode, urlunsplit

    parts = _parts(url)
    scheme = {"postgres": "postgresql"}.get(parts.scheme, parts.scheme)
    host = parts.netloc.rpartition("@")
    user = host[0].partition(":")[0]
    netloc = f"{user}@{host[2]}" if user else host[2]
    told = parse_qsl(parts.query) if scheme == "postgresql" else ()
    query = urlencode(sorted(pair for pair in told if pair[0] in _WHICH))
    return urlunsplit((scheme, netloc, parts.path, query, ""))


def _parts(url: str) -> SplitResult:
    """A URL in its parts; one whose password ends up in its path is refused, and not repeated."""
    with forks.barred():
        from urllib.parse import urlsplit

    with suppress(ValueError):
        parts = urlsplit(url)
        if "@" in parts.netloc or "@" not in url:
            return parts
    raise ConfigError(
        "the URL of a ledger or database cannot be read",
        mend="begin it as in postgresql://; in its user and password write / as %2F, # as %23,"
        " ? as %3F, @ as %40",
    )


def ledger_id(url: str) -> str:
    """The first 16 hex digits of SHA-256 of the normalised URL: names its spool folder."""
    return str(_sha256(normalise(url).encode()).hexdigest()[:16])


def sqlite_path(url: str) -> str:
    """The file behind a `sqlite:` URL or a plain path."""
    return normalise(url).removeprefix("sqlite:///")
