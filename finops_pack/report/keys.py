"""Where the API key comes from: the environment, or a 0600 file that binds it to one URL."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from finops_pack import config
from finops_pack.errors import ConfigError


class Secret:
    """A key, token or password that does not show itself in a print, a log or a traceback."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "Secret(…)"

    def reveal(self) -> str:
        """The text itself: only for the header or body that is being sent."""
        return self._text

    @property
    def fingerprint(self) -> str:
        """12 hex digits that tell two secrets apart and give neither away."""
        return hashlib.sha256(self._text.encode()).hexdigest()[:12]

    def hide(self, text: str) -> str:
        """`text` without this secret, should somebody have echoed it."""
        return text.replace(self._text, "(secret)") if self._text else text


@dataclass(frozen=True)
class Target:
    """Where reports go: base URL, its key (None: not connected), and where that came from."""

    url: str
    key: Secret | None
    source: str


def api_key(text: str) -> Secret:
    """A key, checked by form; raises `ConfigError` that does not repeat it."""
    if not re.fullmatch(r"finops_[\x21-\x7e]{1,512}", text):
        raise ConfigError(
            "that is no API key: keys start with finops_ and hold no spaces",
            mend="copy the key anew, or register one with: finops connect --email YOU",
        )
    return Secret(text)


def base_url(url: str) -> str:
    """A base URL in one spelling; raises `ConfigError` for what cannot be one."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        why = "cannot be read" if "@" in url else error  # which would name part of a password
        raise ConfigError(f"API URL: {why}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        said = f"API URL {config.bare(url)!r}: must be https://HOST or http://HOST"
        raise ConfigError(said, mend=f"e.g. {config.API_URL}, http://127.0.0.1:8765")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError("API URL: must hold no user, password, query or fragment")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = {"http": 80, "https": 443}[parts.scheme]
    where = host if port in (None, usual) else f"{host}:{port}"
    return f"{parts.scheme}://{where}{parts.path.rstrip('/')}"


def path() -> Path:
    """The file that holds the keys."""
    return config.config_dir() / "credentials.json"


def target(url: str | None = None) -> Target:
    """Where to report: `url`, the setting, the URL last connected, or the default.

    A stored key is handed out only for the URL it was stored for, and the environment's key
    never for a URL that was connected with another one.
    """
    settings = config.load()
    if settings.api_key:
        where = base_url(url or _own(settings))
        return Target(where, api_key(settings.api_key), "FINOPS_API_KEY")
    stored = _read()
    chosen = url or (settings.api_url if "api_url" in settings.sources else stored.get("url"))
    where = base_url(chosen or settings.api_url)
    key = stored.get("keys", {}).get(where)
    return Target(where, api_key(key) if key else None, str(path()))


def _own(settings: config.Config) -> str:
    """Whose key the environment's is: where no API is named, the server's that has the ledger."""
    served = settings.ledger.startswith(("http://", "https://"))
    return settings.ledger if served and "api_url" not in settings.sources else settings.api_url


def store(url: str, key: Secret) -> Path:
    """Keep a key for this URL, readable by its owner only, and report there from now on.

    Raises `ConfigError` when the file cannot be written; what was there before stays.
    """
    stored = _read()
    keys = {**stored.get("keys", {}), base_url(url): key.reveal()}
    try:
        _write(path(), {"url": base_url(url), "keys": keys})
    except OSError as error:
        raise ConfigError(f"{path()}: {error.strerror}", mend="or set FINOPS_API_KEY") from None
    return path()


def _write(file: Path, document: dict[str, Any]) -> None:
    config.make(file.parent)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".credentials-")  # 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            json.dump(document, out, indent=1)
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, file)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _read() -> dict[str, Any]:
    try:
        handle = os.open(path(), os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ConfigError(f"{path()}: {error.strerror}") from None
    with os.fdopen(handle, encoding="utf-8") as file:
        _check_private(os.fstat(file.fileno()))
        try:
            stored = json.load(file)
        except ValueError:
            stored = None
    if not isinstance(stored, dict) or not isinstance(stored.get("keys", {}), dict):
        raise ConfigError(f"{path()}: cannot be read", mend="remove it and run: finops connect")
    return stored


def _check_private(status: os.stat_result) -> None:
    """Refuse a file that others can read: whoever could, may have the key."""
    if os.name == "nt":  # access lists, no modes; the profile folder is private there
        return
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or status.st_uid != os.geteuid():
        raise ConfigError(
            f"{path()}: others can read it, so the key in it is not used",
            mend=f"chmod 600 {path()}, and revoke the key if others use this machine",
        )
