"""Bodies of Anthropic's messages, as documented."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

USAGE = {
    "input_tokens": 100,
    "cache_read_input_tokens": 600,
    "cache_creation_input_tokens": 300,
    "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 100},
    "output_tokens": 200,
    "service_tier": "standard",
}


def messages_whole(reply: Any, body: Mapping[str, Any], number: int) -> dict[str, Any]:
    """A message."""
    blocks: list[dict[str, Any]] = [
        {"type": "tool_use", "id": identity, "name": name, "input": dict(arguments)}
        for identity, name, arguments in reply.tools
    ]
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": reply.model or body.get("model"),
        "content": blocks or [{"type": "text", "text": reply.text}],
        "stop_reason": "tool_use" if blocks else "end_turn",
        "stop_sequence": None,
        "usage": dict(USAGE if reply.usage is None else reply.usage),
    }


def messages_stream(reply: Any, body: Mapping[str, Any], number: int) -> Iterator[str]:
    """The events of a message: usage in the first, cumulative in the last but one."""
    whole = messages_whole(reply, body, number)
    usage = whole["usage"]
    start = whole | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 1}}
    yield _event("message_start", message=start)
    for index, block in enumerate(whole["content"]):
        nothing: dict[str, Any] = {"text": ""} if block["type"] == "text" else {"input": {}}
        empty = block | nothing
        yield _event("content_block_start", index=index, content_block=empty)
        for delta in _deltas(block):
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    counts = {k: v for k, v in usage.items() if k.endswith("_tokens")}
    yield _event("message_delta", delta=end, usage=counts)
    yield _event("message_stop")


def _deltas(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if block["type"] == "text":
        for word in block["text"].split(" "):
            yield {"type": "text_delta", "text": f"{word} "}
    else:
        yield {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}


def _event(kind: str, **fields: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"
