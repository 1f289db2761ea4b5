"""OpenAI's wire: its answers and its streams as the arguments of `Pending.finish`.

Read alike from the SDK's objects, from JSON, and from those who speak the same wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from finops_pack.adapters import _numbers, _usage
from finops_pack.adapters._streams import Gathering
from finops_pack.model import Usage
from finops_pack.recorder._messages import get, listed

HIDDEN = "chat, usage hidden"
"""The kind of a chat stream whose usage only we asked for: its extra chunk is kept back."""
# Of the largest image, with the three that may come before it (OpenAI's image guide).
_IMAGE_TOKENS = {"low": 700, "medium": 1900}
_FINEST_IMAGE = 6600
_USAGE = {"images": _usage.images, "audio": _usage.transcription}
_CALLS = ("function_call", "custom_tool_call")
_UNITS = {
    "web_search_call": "web_search",
    "file_search_call": "storage_search",
    "code_interpreter_call": "code_execution",
    "image_generation_call": "image",
}


def longest(kind: str, body: Mapping[str, Any]) -> int | None:
    """The most tokens that each answer may have, where that goes without saying; else None."""
    if kind == "embeddings":
        return 0
    return _IMAGE_TOKENS.get(body.get("quality") or "", _FINEST_IMAGE) if kind == "images" else None


def answered(kind: str, body: Any) -> dict[str, Any]:
    """Usage, model and tool calls of an answer."""
    raw = get(body, "usage")
    usage = _USAGE.get(kind, _usage.openai)(raw)
    said: dict[str, Any] = {"billed_usd": _numbers.charged(raw)}
    said["served_model"] = get(body, "model")
    if kind == "images" and usage is None:
        usage = Usage(extra={"image": len(listed(get(body, "data")))})
    elif kind == "responses":
        output = listed(get(body, "output"))
        usage = _with_units(usage, output)
        said.update(_responded(body, output))
    elif kind in ("chat", "completions"):
        said.update(_chosen(body))
    if usage is None:
        said.update(_nothing(body))
    return {"usage": usage, **said}


def _chosen(body: Any) -> dict[str, Any]:
    choices = listed(get(body, "choices"))
    return {
        "finish_reason": get(next(iter(choices), None), "finish_reason"),
        "tool_calls": [_call(c) for choice in choices for c in _asked(choice)],
        **_head(body),
    }


def _responded(body: Any, output: list[Any]) -> dict[str, Any]:
    return {
        "finish_reason": get(body, "status"),
        "tool_calls": [_call(o) for o in output if get(o, "type") in _CALLS],
        **_head(body),
    }


def _head(body: Any) -> dict[str, Any]:
    tier = get(body, "service_tier")
    plain = tier in _usage.PLAIN_TIERS
    return {
        "service_tier": None if plain else tier,
        "response_id": get(body, "id"),
        "response": body,
    }


def _nothing(body: Any) -> dict[str, Any]:
    """What an answer without usage is: not known yet, or an error in its place."""
    if get(body, "status") in ("queued", "in_progress"):
        return {"status": "unknown"}  # in the background: it will be billed, nobody says for what
    error = get(body, "error")
    return {"status": "error", "error_type": str(get(error, "code") or "error")} if error else {}


def _asked(choice: Any) -> list[Any]:
    return listed(get(get(choice, "message"), "tool_calls"))


def _call(call: Any) -> dict[str, Any]:
    function = get(call, "function") or get(call, "custom") or call
    identity = get(call, "call_id") or get(call, "id")
    arguments = get(function, "arguments") or get(function, "input")
    return {"id": identity, "name": get(function, "name"), "args": arguments}


def _with_units(usage: Any, output: list[Any]) -> Any:
    """Searches, code containers and images of a response, which are billed beside its tokens."""
    units: dict[str, int] = {}
    containers: set[Any] = set()  # code is billed by the container, however often it runs there
    for item in output:
        unit, action = _UNITS.get(get(item, "type")), get(get(item, "action"), "type")
        container = get(item, "container_id")
        # Of the actions of a web search only the search itself is billed (OpenAI's tool guide).
        if unit and action not in ("open_page", "find_in_page") and container not in containers:
            units[unit] = units.get(unit, 0) + 1
            containers |= {container} - {None}
    return replace(usage, extra={**usage.extra, **units}) if usage and units else usage


class Chunks(Gathering):
    """The chunks of a chat, a completion, an image or a transcription; one may carry the usage."""

    def __init__(self, kind: str = "chat") -> None:
        super().__init__()
        self.hides_usage = kind == HIDDEN
        self.read = _USAGE.get(kind, _usage.openai)

    def hides(self, event: Any) -> bool:
        return self.hides_usage and not event.choices and event.usage is not None

    def see(self, event: Any) -> None:
        if get(event, "usage"):
            self.usage = self.read(event.usage)
            self.billed = _numbers.charged(event.usage)
        self.said["response_id"] = get(event, "id")
        self.said["served_model"] = get(event, "model")
        tier = get(event, "service_tier")
        if tier not in _usage.PLAIN_TIERS:
            self.said["service_tier"] = tier
        for choice in listed(get(event, "choices")):
            if get(choice, "finish_reason"):
                self.said["finish_reason"] = choice.finish_reason
            delta = get(choice, "delta")
            self.text.append(get(delta, "content") or get(choice, "text") or "")
            for call in listed(get(delta, "tool_calls")):
                function = get(call, "function")
                arguments = get(function, "arguments") or ""
                key = get(choice, "index"), get(call, "index")
                self.tool(key, get(call, "id"), get(function, "name"), arguments)


class Events(Gathering):
    """The events of a response; the last one carries it whole."""

    def see(self, event: Any) -> None:
        if event.type == "response.output_text.delta":
            self.text.append(event.delta)
        elif event.type in ("response.completed", "response.incomplete", "response.failed"):
            said = answered("responses", event.response)
            self.usage, self.billed = said.pop("usage"), said.pop("billed_usd")
            self.said = said


def gathering(kind: str) -> Gathering:
    """What collects a stream."""
    return Events() if kind == "responses" else Chunks(kind)
