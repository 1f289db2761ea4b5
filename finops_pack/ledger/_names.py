"""Texts as a store can hold them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

MAX_TEXT = 1024
SHORT_TEXT = 120
_OF_TOOLS = frozenset((
    "id", "tool_call_id", "name", "args_hash", "result_hash", "status", "tokens", "seconds",
    "verifier",
))  # fmt: skip


def scrub(value: Any) -> Any:
    """The same value without what a store may refuse: lone surrogates, NUL, NaN and Infinity."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "")
    if isinstance(value, Mapping):
        return {scrub(key): scrub(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [scrub(item) for item in value]
    return value


def tool_facts(told: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is kept of tools that were asked for or ran: never what they were given, or gave."""
    return [{name: one[name] for name in one if name in _OF_TOOLS} for one in told]


def shortened(line: Mapping[str, Any]) -> dict[str, Any]:
    """The same line with texts of which a key may hold five: PostgreSQL's index takes 2,700 bytes.

    The id of a call, which tells it from another, stays whole.
    """
    whole = "id" if line.get("type") != "task" else None
    return {name: value if name == whole else _cut(value) for name, value in line.items()}


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value[:SHORT_TEXT]
    if isinstance(value, Mapping):
        return {_cut(key): _cut(item) for key, item in value.items()}
    return [_cut(item) for item in value] if isinstance(value, list | tuple) else value
