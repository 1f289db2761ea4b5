"""What a budget covers, and hours of spend kept for each such scope."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from finops_pack.ledger._names import MAX_TEXT, scrub, shortened
from finops_pack.model import Where

HOUR_US = 3_600_000_000
_LONGEST = 2000  # bytes: PostgreSQL's index takes 2,700, with the id of a call
_DIMENSIONS = ("project", "task", "session", "agent", "action", "model", "billing")


def scope_of(where: Where) -> str:
    """The name of what `where` covers, whatever its times: compact JSON, as names are booked."""
    return _named(where.tag, *[getattr(where, name) for name in _DIMENSIONS])


@lru_cache(maxsize=4096)
def _named(tag: tuple[str, str] | None, *values: str | None) -> str:
    """Kept: the gate asks for the same few several times a call, while an agent waits."""
    named: dict[str, Any] = {
        n: scrub(v)[:MAX_TEXT] for n, v in zip(_DIMENSIONS, values, strict=True) if v is not None
    }
    if tag is not None:
        named["tag"] = scrub(tag)
    name = json.dumps(named, separators=(",", ":"), sort_keys=True)
    if len(name) > _LONGEST:
        name = json.dumps(shortened(named), separators=(",", ":"), sort_keys=True)
    return name


@lru_cache(maxsize=4096)
def where_of(scope: str, since_us: int | None = None, until_us: int | None = None) -> Where:
    """The inverse of `scope_of`."""
    named: dict[str, Any] = json.loads(scope)
    tag = named.pop("tag", None)
    return Where(since_us, until_us, tag=tuple(tag) if tag else None, **named)


def covers(where: Where, row: Mapping[str, Any], tags: Mapping[str, str]) -> bool:
    """Whether a call belongs to what `where` covers, whatever its times."""
    if not billed_as(where, row["billing_mode"]):
        return False
    if where.tag is not None and tags.get(where.tag[0]) != where.tag[1]:
        return False
    return all(
        getattr(where, name) in (None, row[name] or "")
        for name in ("project", "task", "session", "agent", "action", "model")
    )


def billed_as(where: Where, billing_mode: str) -> bool:
    """Whether calls of this billing mode are meant."""
    if where.billing is None:
        return billing_mode != "subscription"
    return where.billing == billing_mode
