"""Anthropic's wire: its answers and its streams as the arguments of `Pending.finish`.

Read alike from the SDK's objects, from JSON, and from the bytes that others pass through.
"""

from __future__ import annotations

from typing import Any

from finops_pack.adapters import _numbers, _usage
from finops_pack.adapters._streams import Gathering
from finops_pack.recorder._messages import get, listed

_NOWHERE = (None, "", "global", "not_available")
_BILLED_BY = ("service_tier", "region")


def answered(kind: str, body: Any) -> dict[str, Any]:
    """Usage, model and tool calls of a message."""
    raw = get(body, "usage")
    blocks = listed(get(body, "content"))
    return {
        "usage": _usage.anthropic(raw),
        "response": body,
        "tool_calls": [_call(block) for block in blocks if get(block, "type") == "tool_use"],
        "served_model": _usage.served_by(raw) or get(body, "model"),
        "response_id": get(body, "id"),
        "finish_reason": get(body, "stop_reason"),
        "billed_usd": _numbers.charged(raw),
        **billed_by(raw),
    }


def _call(block: Any) -> dict[str, Any]:
    return {"id": get(block, "id"), "name": get(block, "name"), "args": get(block, "input")}


def billed_by(usage: Any) -> dict[str, Any]:
    """What changes the price of a token: tier, speed, place."""
    tier = "fast" if get(usage, "speed") == "fast" else get(usage, "service_tier")
    place = get(usage, "inference_geo")
    return {
        "service_tier": None if tier in _usage.PLAIN_TIERS else tier,
        "region": None if place in _NOWHERE else place,
    }


class Events(Gathering):
    """The first event has the input's counts, the last but one all of them, cumulative."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[str, Any] = {}

    def see(self, event: Any) -> None:
        if event.type == "message_start":
            said = answered("messages", event.message)
            self.said = {k: said[k] for k in ("served_model", "response_id", *_BILLED_BY)}
            self._count(event.message.usage)
        elif event.type == "message_delta":
            self._count(event.usage)
            self.said["finish_reason"] = event.delta.stop_reason
        elif event.type == "content_block_start" and event.content_block.type == "tool_use":
            self.tool(event.index, event.content_block.id, event.content_block.name, "")
        elif event.type == "content_block_delta":
            self._delta(event)

    def _delta(self, event: Any) -> None:
        if event.delta.type == "input_json_delta":
            self.tool(event.index, None, None, event.delta.partial_json)
        else:
            self.text.append(get(event.delta, "text") or get(event.delta, "thinking") or "")

    def _count(self, usage: Any) -> None:
        if served := _usage.served_by(usage):  # in midst of it: what was counted was another's
            self.said["served_model"], self.counts = served, {}
        for name in _COUNTS:
            value = get(usage, name)
            if value:
                self.counts[name] = value
        self.usage = _usage.anthropic(self.counts)


_COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation",
    "server_tool_use",
    "output_tokens_details",
    "iterations",
)


def gathering(kind: str) -> Gathering:
    """What collects a stream."""
    return Events()
