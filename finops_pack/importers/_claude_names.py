"""Which answer a line of Claude Code's transcripts is of: several tell of one, some in part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Names = tuple[str | None, str | None]
"""Of an answer and of its request."""


def names_of(record: Mapping[str, Any]) -> Names:
    """What an answer and its request are called; not every line of an answer tells both."""
    return record["message"].get("id") or None, record.get("requestId") or None


def key_of(names: Names, record: Mapping[str, Any]) -> str:
    """The id of the call whose first line this is."""
    return f"{names[0] or origin(record).get('messageUuid') or record['uuid']}:{names[1] or ''}"


def same(one: Names, other: Names) -> bool:
    """Whether two lines are of one answer: a name is the same, and none is another."""
    both = [(a, b) for a, b in zip(one, other, strict=True) if a and b]
    return bool(both) and all(a == b for a, b in both)


def united(one: Names, other: Names) -> Names:
    """All that two lines of one answer tell of its names."""
    return one[0] or other[0], one[1] or other[1]


def origin(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The session and message of which a line is a copy, as a fork of a session begins with."""
    return record.get("forkedFrom") or {}
