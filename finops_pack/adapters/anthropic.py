"""The `anthropic` SDK itself: messages, whole and streamed, on Bedrock and Vertex too.

Silent below another adapter.
"""

from __future__ import annotations

import sys
from typing import Any

from finops_pack import recorder
from finops_pack.adapters import _providers, _stainless, _usage
from finops_pack.adapters._ask import Dialect
from finops_pack.adapters._streams import Gathering, Looked
from finops_pack.recorder._messages import get, listed

MODULES = ("anthropic._base_client",)
TESTED = {"anthropic": ("0.73", "3.0")}
CANNOT_SEE = ("with_streaming_response bodies that are never read: marked unknown",)
_PLAIN_TIERS = (None, "standard", "auto")


def asked(client: Any, url: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """What a request is about."""
    if url.partition("?")[0] != "/v1/messages":
        return None
    system = body.get("system")
    head = [{"role": "system", "content": system}] if system else []
    return {
        "kind": "messages",
        "model": body.get("model"),
        "provider": _providers.of(client, "anthropic"),
        "framework_version": sys.modules["anthropic"].__version__,
        "messages": head + listed(body.get("messages")),
        "tools": body.get("tools"),
        "max_output_tokens": body.get("max_tokens"),
    }


def answered(kind: str, body: Any) -> dict[str, Any]:
    """Usage, model and tool calls of a message."""
    raw = get(body, "usage")
    blocks = listed(get(body, "content"))
    return {
        "usage": _usage.anthropic(raw),
        "response": body,
        "tool_calls": [_call(block) for block in blocks if get(block, "type") == "tool_use"],
        "served_model": get(body, "model"),
        "response_id": get(body, "id"),
        "finish_reason": get(body, "stop_reason"),
        "service_tier": _tier(raw),
        "billed_usd": _usage.charged(raw),
    }


def _call(block: Any) -> dict[str, Any]:
    return {"id": get(block, "id"), "name": get(block, "name"), "args": get(block, "input")}


def _tier(usage: Any) -> str | None:
    if get(usage, "speed") == "fast":
        return "fast"
    tier = get(usage, "service_tier")
    return None if tier in _PLAIN_TIERS else tier


class _Events(Gathering):
    """The first event has the input's counts, the last but one all of them, cumulative."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[str, Any] = {}

    def see(self, event: Any) -> None:
        if event.type == "message_start":
            said = answered("messages", event.message)
            self.said = {k: said[k] for k in ("served_model", "response_id", "service_tier")}
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
)


def gathering(kind: str) -> Gathering:
    """What collects a stream."""
    return _Events()


def fetched(url: str, result: Any) -> None:
    """The results of a batch, at the batch's price, keyed as their import is."""
    if "/messages/batches/" in url and url.endswith("/results") and hasattr(result, "_iterator"):
        result._iterator = Looked(result._iterator, _batched)


def _batched(item: Any) -> None:
    message = get(item.result, "message")
    if message is None:  # errored, expired or cancelled: not billed
        return
    recorder.get().record(
        id=message.id,
        source="anthropic-batch",
        model=message.model,
        provider="anthropic",
        processing="batch",
        action="batch",
        adapter="anthropic",
        **answered("messages", message),
    )


def install() -> None:
    """Look at every request of the SDK."""
    dialect = Dialect("anthropic", asked, answered, gathering, fetched)
    base, streaming = sys.modules["anthropic._base_client"], sys.modules["anthropic._streaming"]
    _stainless.patch(base, streaming, dialect)
