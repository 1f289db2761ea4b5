"""What a request weighs: all that can be told of its bill before it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

MEDIA_BYTES = 4000  # what an image counts as: 1600 tokens, the most a usual one is billed as
NUMBER_BYTES = 3  # a prompt for embeddings may be a list of tokens
WRITES = ("5m", "1h")  # caches that a prompt may be put into, the dearer last
_MARKS = ("cache_control", "cachePoint", "cache_breakpoint")  # Anthropic's, Bedrock's, CrewAI's
_SCHEMAS = ("response_format", "text", "output_format")  # of the answer: they are input too
_LIMITS = ("max_completion_tokens", "max_output_tokens", "max_tokens")
_IMAGES = ("image", "image_url", "input_image")
_DEPTH = 12
_NOTHING: Mapping[str, Any] = {}


class Weight(NamedTuple):
    """One request, by what it is billed for."""

    messages: int
    size: int  # bytes of its text
    longest: int | None = None  # tokens that an answer may have, where it says so
    answers: int = 1
    writes: int = 0  # how many of `WRITES` its prompt may be billed as
    tier: str | None = None
    spoken: bool = False
    searches: int | None = None  # of its own: the most it allows, 0 where it sets no limit


def weigh(call: Any, request: Mapping[str, Any] | None) -> Weight:
    """What a call weighs, by its prompt, its tools and the other arguments of its request."""
    marks: list[Any] = []
    request = request or _NOTHING
    parts = [call.messages, call.tools, *(_said(request, name) for name in _SCHEMAS)]
    size = sum(text_bytes(part, marks) for part in parts)
    spoken, whole = _said(request, "modalities"), _said(request, "cache_control")
    marks += [whole] if whole else []
    return Weight(
        messages=count(call.messages),
        size=size,
        longest=_whole(_limit(request) or call.max_output_tokens),
        answers=_answers(request),
        writes=max(map(_kind, marks), default=0),
        tier="fast" if _said(request, "speed") == "fast" else _text(_said(request, "service_tier")),
        spoken=isinstance(spoken, list | tuple) and "audio" in spoken,
        searches=_searches(call.tools, request),
    )


def count(messages: Any) -> int:
    """How many messages there are."""
    return len(messages) if isinstance(messages, list | tuple) else 1


def text_bytes(thing: Any, marks: list[Any], depth: int = 0) -> int:
    """UTF-8 bytes of all text in a message, a prompt or a tool's schema, whatever its shape.

    No tokenizer makes more tokens than bytes. Media inside count as `MEDIA_BYTES` each. What
    is said of caches on the way is added to `marks`.
    """
    if isinstance(thing, str):
        return _bytes(thing)
    if thing is None or depth > _DEPTH:
        return 0
    if isinstance(thing, int | float):
        return NUMBER_BYTES
    if isinstance(thing, bytes | bytearray | memoryview):
        return MEDIA_BYTES
    depth += 1
    if isinstance(thing, dict) or isinstance(thing, Mapping):  # noqa: SIM101 - faster so
        if "cache_control" in thing or "cachePoint" in thing or "cache_breakpoint" in thing:
            marks += filter(None, map(thing.get, _MARKS))
        if _is_media(thing):
            return MEDIA_BYTES
        parts = thing.items()
        return sum(text_bytes(v, marks, depth) + text_bytes(k, marks, depth) for k, v in parts)
    if isinstance(thing, Sequence):
        return sum(text_bytes(item, marks, depth) for item in thing)
    content = getattr(thing, "content", None)
    if content is None:
        return _bytes(str(thing))
    asked = getattr(thing, "tool_calls", None) if isinstance(content, str) else None
    return text_bytes(content, marks, depth) + text_bytes(asked, marks, depth)


def _bytes(text: str) -> int:
    if text.isascii():
        return MEDIA_BYTES if text.startswith("data:") and ";base64," in text[:100] else len(text)
    return len(text.encode("utf-8", "surrogatepass"))


def _is_media(thing: Mapping[Any, Any]) -> bool:
    """An image, by address too; base64 as all of them write it, beside its kind."""
    if thing.get("type") in _IMAGES:
        return True
    return isinstance(thing.get("data"), str | bytes) and bool(
        {"media_type", "mime_type", "mimeType", "format"} & thing.keys()
    )


def _said(request: Mapping[str, Any], name: str) -> Any:
    """What a request says, or what it hands on without having a word for it."""
    for part in (request, request.get("model_kwargs"), request.get("extra_body")):
        if isinstance(part, Mapping) and part.get(name) is not None:
            return part[name]
    return None


def _limit(request: Mapping[str, Any]) -> Any:
    """The most tokens that each answer may have, in any provider's words."""
    return next(filter(None, (_said(request, name) for name in _LIMITS)), None)


def _answers(request: Mapping[str, Any]) -> int:
    """How many answers are billed: `n`, or the more of which the best are given, a prompt."""
    each = max(_whole(_said(request, name)) or 1 for name in ("n", "best_of"))
    prompts = request.get("prompt")
    if isinstance(prompts, list | tuple) and prompts and not isinstance(prompts[0], int):
        return each * len(prompts)
    return each


def _kind(mark: Any) -> int:
    return 2 if isinstance(mark, Mapping) and mark.get("ttl") == "1h" else 1


def _searches(tools: Any, request: Mapping[str, Any]) -> int | None:
    for tool in tools if isinstance(tools, list | tuple) else ():
        kind = tool.get("type") if isinstance(tool, Mapping) else None
        if isinstance(kind, str) and kind.startswith("web_search"):
            return _whole(tool.get("max_uses") or _said(request, "max_tool_calls")) or 0
    return None


def _whole(number: Any) -> int | None:
    """A count, however a user may have written it; one below zero means no limit."""
    try:
        whole = int(number)
    except (TypeError, ValueError, OverflowError):
        return None
    return whole if whole >= 0 else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
