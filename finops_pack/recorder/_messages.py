"""Messages of any shape as (kind, text) pairs; read in memory, never stored.

Shapes: LangChain messages, OpenAI chat and responses, Anthropic messages, plain strings, as
objects or dicts. Anything else yields nothing rather than an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

KINDS = {
    "system": "system",
    "developer": "system",
    "human": "user",
    "user": "user",
    "tool": "tool_result",
    "function": "tool_result",
    "tool_result": "tool_result",
    "function_call_output": "tool_result",
    "ai": "assistant",
    "AIMessageChunk": "assistant",
    "assistant": "assistant",
    "function_call": "assistant",
    "reasoning": "assistant",
    "model": "assistant",
}
_CALLS = ("tool_use", "function_call", "tool_call")
_DATA = ("image", "image_url", "input_image", "input_audio", "document", "file", "input_file")


def get(thing: Any, name: str, default: Any = None) -> Any:
    """A key of a mapping or an attribute of anything else."""
    if isinstance(thing, Mapping):
        return thing.get(name, default)
    return getattr(thing, name, default)


def listed(thing: Any) -> list[Any]:
    """A list of what there is: nothing, one thing, or its items."""
    if thing is None:
        return []
    return list(thing) if isinstance(thing, list | tuple) else [thing]


def pairs(messages: Any) -> list[tuple[str, str]]:
    """Every message as (kind, text), in order; `kind` as in `model.Segment` or `assistant`."""
    found: list[tuple[str, str]] = []
    for message in listed(messages):
        if isinstance(message, str):
            found.append(("user", message))
        else:
            found.extend(_message(message))
    return found


def _message(message: Any) -> Iterator[tuple[str, str]]:
    kind = KINDS.get(role_of(message), "other")
    if get(message, "type") in _CALLS:
        yield kind, _call_text(message)
        return
    content = get(message, "content")
    if content is None:
        content = get(message, "output", get(message, "text"))
    text = []
    for block in listed(content):
        if get(block, "type") in ("tool_result", "function_call_output"):
            yield "tool_result", flat(get(block, "content", get(block, "output")))
        else:
            text.append(flat(block))
    text.extend(_call_text(call) for call in calls_of(message))
    if text or kind != "user":
        yield kind, "\n".join(filter(None, text))


def role_of(message: Any) -> str:
    """The role (or LangChain type) of a message, as text."""
    return str(get(message, "role") or get(message, "type") or "")


def flat(content: Any) -> str:
    """The text of a content: a string, a block, or a list of blocks; data as its size only."""
    if isinstance(content, str):
        return content
    if isinstance(content, list | tuple):
        return "\n".join(filter(None, (flat(part) for part in content)))
    kind = get(content, "type")
    if kind in _DATA:
        return f"[{kind}]"
    if kind in _CALLS:
        return _call_text(content)
    inner = get(content, "text")
    if inner is None:
        inner = get(content, "content", get(content, "thinking"))
    return flat(inner) if isinstance(inner, str | list | tuple) else ""


def calls_of(message: Any) -> list[Any]:
    """The tool calls that stand in a message beside its content."""
    return listed(get(message, "tool_calls"))


def _call_text(call: Any) -> str:
    function = get(call, "function") or call
    name, args = get(function, "name", ""), arguments(call)
    return f"{name}({args})"


def arguments(call: Any) -> str:
    """A tool call's arguments as canonical JSON, whatever shape they came in."""
    function = get(call, "function") or call
    args: Any = None
    for name in ("arguments", "args", "input"):
        args = get(function, name)
        if args is not None:
            break
    if isinstance(args, str):
        try:
            args = json.loads(args)
        except (ValueError, RecursionError):  # a model that runs away nests without end
            return str(args)
    return json.dumps(args, sort_keys=True, separators=(",", ":"), default=str)


def text_of(response: Any) -> str:
    """The text of an answer of any shape: string, message, completion, response."""
    if response is None or isinstance(response, str):
        return response or ""
    if isinstance(response, list | tuple):
        return "\n".join(filter(None, (text_of(part) for part in response)))
    choices = listed(get(response, "choices"))
    if choices:
        return text_of([get(choice, "message") or get(choice, "text") for choice in choices])
    output = get(response, "output")
    if isinstance(output, list):
        return text_of(output)
    content = get(response, "content")
    parts = [flat(response)] if content is None else [flat(block) for block in listed(content)]
    parts += [_call_text(call) for call in calls_of(response)]
    return "\n".join(filter(None, parts))


def new_results(messages: Any) -> list[dict[str, Any]]:
    """The tool results that this request carries in for the first time: those at its end.

    Each is `{"tool_call_id", "text", "failed"}`.
    """
    found: list[dict[str, Any]] = []
    for message in reversed(listed(messages)):
        results = list(_results(message))
        if not results and KINDS.get(role_of(message)) == "assistant":
            break
        if get(message, "type") in _CALLS:
            break
        found[:0] = results
    return found


def _results(message: Any) -> Iterator[dict[str, Any]]:
    if KINDS.get(role_of(message)) == "tool_result":
        identity = get(message, "tool_call_id") or get(message, "call_id")
        content = get(message, "content")
        content = get(message, "output") if content is None else content
        failed = get(message, "status") == "error" or bool(get(message, "is_error"))
        yield _result(identity, content, failed)
        return
    if isinstance(message, str):
        return
    for block in listed(get(message, "content")):
        if get(block, "type") == "tool_result":
            failed = bool(get(block, "is_error"))
            yield _result(get(block, "tool_use_id"), get(block, "content"), failed)


def _result(identity: Any, content: Any, failed: bool) -> dict[str, Any]:
    return {"tool_call_id": identity, "text": flat(content), "failed": failed}


def breakpoints(*parts: Any) -> list[str]:
    """The cache breakpoints asked for (`cache_control`), each as its TTL, `5m` by default."""
    found = []
    for thing in _blocks(parts):
        control = get(thing, "cache_control")
        if control is None:
            control = get(get(thing, "additional_kwargs"), "cache_control")
        if isinstance(control, Mapping):
            found.append(str(control.get("ttl") or "5m"))
    return found


def _blocks(parts: Iterable[Any]) -> Iterator[Any]:
    for part in parts:
        for message in listed(part):
            yield message
            content = get(message, "content")
            if isinstance(content, list | tuple):
                yield from content
