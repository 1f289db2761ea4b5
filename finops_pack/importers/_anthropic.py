"""Anthropic's usage object: its `input_tokens` leaves out what was cached or written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Counts = tuple[int, ...]
_NONE: Mapping[str, Any] = {}
_APART = {"advisor_message": "advisor", "compaction": "compaction"}
"""Iterations of a request that its own counts leave out, by the action they are."""
_FALLBACK = "fallback_message"


def counts(usage: Mapping[str, Any]) -> Counts:
    """Uncached, cache read, written, of that for 5m and 1h, output, its reasoning, web searches.

    As they are told, so that of several lines the maximum can be taken before one is taken from
    another. Raises `ValueError` when one is no count.
    """
    lives, told = usage.get("cache_creation") or _NONE, usage.get
    found: Counts = (
        told("input_tokens", 0),
        told("cache_read_input_tokens") or 0,
        told("cache_creation_input_tokens") or 0,
        lives.get("ephemeral_5m_input_tokens", 0),
        lives.get("ephemeral_1h_input_tokens", 0),
        told("output_tokens", 0),
        (told("output_tokens_details") or _NONE).get("thinking_tokens", 0),
        (told("server_tool_use") or _NONE).get("web_search_requests", 0),
    )
    if None in found:  # said to be nothing, as good as not said
        found = tuple(0 if count is None else count for count in found)
    if set(map(type, found)) != {int} or min(found) < 0:
        raise ValueError(f"usage: counts must be whole numbers, got {str(found)[:80]}")
    return found


def fill(row: dict[str, Any], found: Counts) -> dict[str, Any]:
    """Put the counts into a row, and give it back."""
    fresh, read, written, short, long, out, thought, searches = found
    short = max(written - long, short)  # what is not said to live for an hour lives for 5 minutes
    row["input_tokens"] = fresh + read + short + long
    row["cache_read_tokens"] = read
    row["cache_write_5m_tokens"] = short
    row["cache_write_1h_tokens"] = long
    row["output_tokens"] = out
    if thought:
        row["reasoning_tokens"] = thought
    if searches:
        row["extra"] = {"web_search": searches}
    return row


def apart(usage: Mapping[str, Any]) -> list[tuple[int, str, str | None, Counts]]:
    """What is billed beside the request itself: its place, action, model if another, counts."""
    told = _iterations(usage)
    beside = _APART | {"message": "declined"} if served_by(usage) else _APART
    return [
        (number, beside[one["type"]], one.get("model"), counts(one))
        for number, one in told
        if one.get("type") in _APART or (one.get("type") in beside and one.get("output_tokens"))
    ]


def served_by(usage: Mapping[str, Any]) -> str | None:
    """The model that answered where the one that was asked had declined, whose counts are told.

    Of those that declined each is billed at its own rates, unless it had not yet said a word.
    """
    told = (one.get("model") for _, one in _iterations(usage) if one.get("type") == _FALLBACK)
    return next((str(model) for model in told if model), None)


def _iterations(usage: Mapping[str, Any]) -> list[tuple[int, Mapping[str, Any]]]:
    listed = usage.get("iterations")
    told = enumerate(listed if isinstance(listed, list) else ())
    return [(number, one) for number, one in told if isinstance(one, dict)]
