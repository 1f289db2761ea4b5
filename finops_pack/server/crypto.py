"""Passwords as scrypt hashes; keys and tokens as random text kept only as SHA-256."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading

COST, _R, _P = 2**15, 8, 3  # 32 MiB, three passes: OWASP's Password Storage Cheat Sheet
_MEMORY = 2 * 128 * COST * _R
_AT_ONCE = threading.BoundedSemaphore(4)  # a flood of sign-ins must not eat the memory

KEY_PREFIX = "finops_"
SESSION_PREFIX = "fs_"


def hash_password(password: str) -> str:
    """`scrypt$salt$hash`, both base64."""
    salt = secrets.token_bytes(16)
    return f"scrypt${_text(salt)}${_text(_scrypt(password, salt))}"


def verify_password(password: str, stored: str | None) -> bool:
    """Whether the password made this hash; as slow for an unknown account (None)."""
    _, salt, expected = (stored or _NOBODY).split("$")
    found = _scrypt(password, base64.b64decode(salt))
    return hmac.compare_digest(found, base64.b64decode(expected)) and stored is not None


def _scrypt(password: str, salt: bytes) -> bytes:
    with _AT_ONCE:
        text = password.encode("utf-8", "surrogatepass")
        return hashlib.scrypt(text, salt=salt, n=COST, r=_R, p=_P, maxmem=_MEMORY, dklen=32)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


_NOBODY = f"scrypt${_text(bytes(16))}${_text(bytes(32))}"


def new_key() -> str:
    """An API key: `finops_` and 43 characters from 256 random bits."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def new_session() -> str:
    """A session's token: `fs_` and 43 characters."""
    return SESSION_PREFIX + secrets.token_urlsafe(32)


def new_id(prefix: str) -> str:
    """`cust_…`, `key_…`, `rpt_…`, `alt_…`: 16 hex digits of chance."""
    return f"{prefix}_{secrets.token_hex(8)}"


def fingerprint(secret: str) -> str:
    """What is stored of a key or token: its SHA-256. With 256 random bits, salt adds nothing."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def form_token(secret: str) -> str:
    """The CSRF token of a page: only who holds the cookie `secret` can know it."""
    return hashlib.sha256(f"form:{secret}".encode("utf-8", "surrogatepass")).hexdigest()


def storable(text: str) -> bool:
    """Whether both stores can hold or look for this text: no NUL, no half surrogate."""
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)
