"""Bodies of OpenAI's chat completions, responses and embeddings, as documented."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

CHAT_USAGE = {
    "prompt_tokens": 1000,
    "completion_tokens": 200,
    "total_tokens": 1200,
    "prompt_tokens_details": {"cached_tokens": 600, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 50, "audio_tokens": 0},
}
RESPONSES_USAGE = {
    "input_tokens": 1000,
    "input_tokens_details": {"cached_tokens": 600},
    "output_tokens": 200,
    "output_tokens_details": {"reasoning_tokens": 50},
    "total_tokens": 1200,
}
EMBEDDING_USAGE = {"prompt_tokens": 8, "total_tokens": 8}


def _usage(reply: Any, default: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return default if reply.usage is None else reply.usage or None


def _head(reply: Any, body: Mapping[str, Any], identity: str, kind: str) -> dict[str, Any]:
    head = {
        "id": identity,
        "object": kind,
        "created": 1_760_000_000,
        "model": reply.model or body.get("model", "gpt-4o"),
    }
    if reply.service_tier:
        head["service_tier"] = reply.service_tier
    return head


def _calls(reply: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": identity,
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments)},
        }
        for identity, name, arguments in reply.tools
    ]


def chat_whole(reply: Any, body: Mapping[str, Any], number: int) -> dict[str, Any]:
    """A chat completion."""
    calls = _calls(reply)
    message = {"role": "assistant", "content": None if calls else reply.text, "refusal": None}
    if calls:
        message["tool_calls"] = calls
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": "tool_calls" if calls else "stop",
        "logprobs": None,
    }
    made = _head(reply, body, f"chatcmpl-{number}", "chat.completion") | {"choices": [choice]}
    usage = _usage(reply, CHAT_USAGE)
    return made | {"usage": usage} if usage else made


def _event(data: Any, name: str | None = None) -> str:
    text = data if isinstance(data, str) else json.dumps(data)
    return f"event: {name}\ndata: {text}\n\n" if name else f"data: {text}\n\n"


def chat_stream(reply: Any, body: Mapping[str, Any], number: int) -> Iterator[str]:
    """The chunks of a chat completion; usage only when it was asked for."""
    head = _head(reply, body, f"chatcmpl-{number}", "chat.completion.chunk")
    calls = _calls(reply)

    def chunk(delta: Any, finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return _event(head | {"choices": [choice]})

    yield chunk({"role": "assistant", "content": None if calls else ""})
    for index, call in enumerate(calls):
        yield chunk({"tool_calls": [{"index": index, **call}]})
    for word in [] if calls else reply.text.split(" "):
        yield chunk({"content": f"{word} "})
    yield chunk({}, "tool_calls" if calls else "stop")
    usage = _usage(reply, CHAT_USAGE)
    if usage and (body.get("stream_options") or {}).get("include_usage"):
        yield _event(head | {"choices": [], "usage": usage})
    yield _event("[DONE]")


def responses_whole(reply: Any, body: Mapping[str, Any], number: int) -> dict[str, Any]:
    """A response of the responses API."""
    output: list[dict[str, Any]] = [
        {
            "type": "function_call",
            "id": f"fc_{identity}",
            "call_id": identity,
            "name": name,
            "arguments": json.dumps(arguments),
            "status": "completed",
        }
        for identity, name, arguments in reply.tools
    ]
    if not output:
        text = {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}
        output = [
            {
                "type": "message",
                "id": f"msg_{number}",
                "role": "assistant",
                "status": "completed",
                "content": [text],
            }
        ]
    head = _head(reply, body, f"resp_{number}", "response")
    return head | {
        "created_at": head.pop("created"),
        "status": "completed",
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": body.get("tools", []),
        "usage": _usage(reply, RESPONSES_USAGE),
    }


def responses_stream(reply: Any, body: Mapping[str, Any], number: int) -> Iterator[str]:
    """The events of a response; the last one carries it whole, with its usage."""
    whole = responses_whole(reply, body, number)
    empty = whole | {"status": "in_progress", "output": [], "usage": None}
    count = iter(range(10_000))

    def event(kind: str, **fields: Any) -> str:
        return _event({"type": kind, "sequence_number": next(count), **fields}, kind)

    yield event("response.created", response=empty)
    for index, item in enumerate(whole["output"]):
        yield event("response.output_item.added", output_index=index, item=item | {"content": []})
        at = {"item_id": item["id"], "output_index": index}
        for place, part in enumerate(item.get("content", [])):
            here = at | {"content_index": place}
            yield event("response.content_part.added", **here, part=part | {"text": ""})
            for word in part["text"].split(" "):
                yield event("response.output_text.delta", **here, delta=f"{word} ", logprobs=[])
            yield event("response.content_part.done", **here, part=part)
        yield event("response.output_item.done", output_index=index, item=item)
    yield event("response.completed", response=whole)


def embeddings_whole(reply: Any, body: Mapping[str, Any], number: int) -> dict[str, Any]:
    """One small vector for each input, as base64 where that was asked for."""
    wanted = body.get("input", "")
    texts = wanted if isinstance(wanted, list) else [wanted]
    coded = body.get("encoding_format") == "base64"
    vector: Any = "AAAAPwAAAD8=" if coded else [0.5, 0.5]  # two float32 of 0.5
    data = [
        {"object": "embedding", "index": index, "embedding": vector} for index in range(len(texts))
    ]
    made = {"object": "list", "data": data, "model": reply.model or body.get("model")}
    usage = _usage(reply, EMBEDDING_USAGE)
    return made | {"usage": usage} if usage else made
