"""Settings as the environment writes them."""

from __future__ import annotations

import os
from typing import Any

from finops_pack.errors import ConfigError
from finops_pack.places import file_of


def from_text(name: str, text: str, variable: str) -> Any:
    """The value of a setting; raises `ConfigError` naming the variable."""
    if name == "tags":
        return parse_tags(text, variable)
    if name == "budget":
        return tuple(part.strip() for part in text.split(";") if part.strip())
    if name == "rates":
        return tuple(part for part in text.split(os.pathsep) if part)
    if name == "disable":
        return text.strip().lower() not in ("", "0", "false", "no", "off")
    return text


def bare(url: str) -> str:
    """A URL, or what was meant as one, to be shown: without user, password and query."""
    head, at, rest = url.rpartition("@")
    if at:
        scheme, slashes, _ = head.rpartition("://")
        return f"{scheme}{slashes}…@{bare(rest)}"
    plain = url.partition("?")[0].partition("#")[0]
    return plain if plain == url else f"{plain}?…"


def anchored(ledger: str, folder: str = "") -> str:
    """A ledger's path as seen from that folder, or from here: wherever the process goes later."""
    file = file_of(ledger)
    if file is None:
        return ledger
    path = os.path.abspath(os.path.join(folder, os.path.expanduser(file)))
    return f"sqlite:///{path}" if ledger.startswith("sqlite:") else path


def parse_tags(text: str, origin: str) -> dict[str, str]:
    """`customer=acme,feature=chat` as a mapping; raises `ConfigError` naming `origin`."""
    tags: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"{origin}: {part!r} is not KEY=VALUE", mend="e.g. customer=acme")
        tags[key.strip()] = value.strip()
    return tags
