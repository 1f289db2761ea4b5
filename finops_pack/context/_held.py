"""What the user said about the work in hand: a context variable, read at every call."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

MAX_TAGS = 10
MAX_TAG_LENGTH = 128

_NO_TAGS: Mapping[str, str] = MappingProxyType({})


class Running(Protocol):
    """A task in whose block we are."""

    id: str
    budget: str | None

    def add(self, pico: int, calls: int = 1, unpriced: int = 0) -> None:
        """Count what has ended, in pico-USD, and how many calls of it have no price."""
        ...


class Context(NamedTuple):
    """What the user said about the work in hand; None where nothing was said."""

    task: str | None = None
    action: str | None = None
    session: str | None = None
    agent: str | None = None
    project: str | None = None
    trigger: str | None = None
    parent: str | None = None
    tags: Mapping[str, str] = _NO_TAGS
    running: tuple[Running, ...] = ()


NOTHING = Context()
variable: ContextVar[Context] = ContextVar("finops_context", default=NOTHING)
current = variable.get


def merge_tags(held: Mapping[str, str], added: Mapping[str, Any]) -> Mapping[str, str]:
    """Both sets of tags, the added ones winning: at most 10 keys of short text."""
    merged = {**held}
    for key, value in added.items():
        if value is not None and (key in merged or len(merged) < MAX_TAGS):
            merged[str(key)] = str(value)[:MAX_TAG_LENGTH]
    return merged
