"""The `openai` SDK itself: chat, responses, embeddings, completions, images; any client of it.

Silent below another adapter, embeddings excepted: no framework tells of them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from finops_pack import context, recorder
from finops_pack.adapters import _options, _providers, _stainless, _usage
from finops_pack.adapters._ask import Dialect
from finops_pack.adapters._streams import Gathering
from finops_pack.model import Usage
from finops_pack.recorder._messages import get, listed

MODULES = ("openai._base_client",)
TESTED = {"openai": ("2.0", "4.0")}
CANNOT_SEE = (
    "usage of chat streams without stream_options include_usage: estimated and marked",
    "realtime sessions, speech and transcription",
    "with_streaming_response bodies that are never read: marked unknown",
)
_KINDS = {
    "/chat/completions": "chat",
    "/completions": "completions",
    "/responses": "responses",
    "/embeddings": "embeddings",
    "/images/generations": "images",
}
_PLAIN_TIERS = (None, "default", "auto", "standard")
_UNITS = {
    "web_search_call": "web_search",
    "code_interpreter_call": "code_execution",
    "image_generation_call": "image",
}


def asked(client: Any, url: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """What a request is about."""
    kind = _KINDS.get(url)
    if kind is None:
        return None
    if kind == "chat" and body.get("stream") and _options.exact_streams and not context.owned():
        kind = _ask_usage(body)
    return {
        "kind": kind,
        "model": body.get("model"),
        "provider": _providers.of(client, "openai"),
        "framework_version": sys.modules["openai"].__version__,
        "messages": _messages(body),
        "tools": body.get("tools"),
        "max_output_tokens": body.get("max_completion_tokens")
        or body.get("max_output_tokens")
        or body.get("max_tokens"),
    }


def _ask_usage(body: dict[str, Any]) -> str:
    """Ask for usage where the user did not; its extra chunk is then kept from the user."""
    options = body.get("stream_options") or {}
    if "include_usage" in options:
        return "chat"
    body["stream_options"] = {**options, "include_usage": True}
    return "chat, usage hidden"


def _messages(body: Mapping[str, Any]) -> list[Any]:
    system = body.get("instructions")
    sent = body.get("messages") or body.get("input") or body.get("prompt")
    return ([{"role": "system", "content": system}] if system else []) + listed(sent)


def answered(kind: str, body: Any) -> dict[str, Any]:
    """Usage, model and tool calls of an answer."""
    raw = get(body, "usage")
    usage = _usage.openai(raw)
    said: dict[str, Any] = {"billed_usd": _usage.charged(raw)}
    said["served_model"] = get(body, "model")
    if kind in ("chat", "completions"):
        choice = next(iter(listed(get(body, "choices"))), None)
        said["finish_reason"] = get(choice, "finish_reason")
        said["tool_calls"] = [_call(c) for c in listed(get(get(choice, "message"), "tool_calls"))]
    elif kind == "responses":
        output = listed(get(body, "output"))
        said["finish_reason"] = get(body, "status")
        said["tool_calls"] = [_call(o) for o in output if get(o, "type") == "function_call"]
        usage = _with_units(usage, output)
    elif kind == "images" and usage is None:
        usage = Usage(extra={"image": len(listed(get(body, "data")))})
    if kind in ("chat", "completions", "responses"):
        tier = get(body, "service_tier")
        said["service_tier"] = None if tier in _PLAIN_TIERS else tier
        said["response_id"] = get(body, "id")
        said["response"] = body
    return {"usage": usage, **said}


def _call(call: Any) -> dict[str, Any]:
    function = get(call, "function") or call
    identity = get(call, "call_id") or get(call, "id")
    return {"id": identity, "name": get(function, "name"), "args": get(function, "arguments")}


def _with_units(usage: Any, output: list[Any]) -> Any:
    """Searches, code runs and images of a response, which are billed beside its tokens."""
    units: dict[str, int] = {}
    for item in output:
        unit = _UNITS.get(get(item, "type"))
        if unit:
            units[unit] = units.get(unit, 0) + 1
    return replace(usage, extra={**usage.extra, **units}) if usage and units else usage


class _Chunks(Gathering):
    def __init__(self, hides_usage: bool) -> None:
        super().__init__()
        self.hides_usage = hides_usage

    def hides(self, event: Any) -> bool:
        return self.hides_usage and not event.choices and event.usage is not None

    def see(self, event: Any) -> None:
        if get(event, "usage"):
            self.usage = _usage.openai(event.usage)
            self.billed = _usage.charged(event.usage)
        self.said["response_id"] = get(event, "id")
        self.said["served_model"] = get(event, "model")
        tier = get(event, "service_tier")
        if tier not in _PLAIN_TIERS:
            self.said["service_tier"] = tier
        for choice in listed(get(event, "choices")):
            if get(choice, "finish_reason"):
                self.said["finish_reason"] = choice.finish_reason
            delta = get(choice, "delta")
            self.text.append(get(delta, "content") or get(choice, "text") or "")
            for call in listed(get(delta, "tool_calls")):
                function = get(call, "function")
                arguments = get(function, "arguments") or ""
                self.tool(get(call, "index"), get(call, "id"), get(function, "name"), arguments)


class _Events(Gathering):
    def see(self, event: Any) -> None:
        if event.type == "response.output_text.delta":
            self.text.append(event.delta)
        elif event.type in ("response.completed", "response.incomplete", "response.failed"):
            said = answered("responses", event.response)
            self.usage, self.billed = said.pop("usage"), said.pop("billed_usd")
            self.said = said


def gathering(kind: str) -> Gathering:
    """What collects a stream."""
    return _Events() if kind == "responses" else _Chunks(kind == "chat, usage hidden")


def fetched(url: str, result: Any) -> None:
    """The output file of a batch: its answers, at the batch's price, keyed as its import is."""
    if not (url.startswith("/files/") and url.endswith("/content")):
        return
    text = result.content
    if b'"batch_req_' not in text[:200]:
        return
    for line in text.splitlines():
        record = json.loads(line)
        body = (record.get("response") or {}).get("body") or {}
        said = answered(_OBJECTS.get(str(body.get("object")), "embeddings"), body)
        if said["usage"] is not None:
            _batched(record["id"], body, said)


def _batched(identity: str, body: dict[str, Any], said: dict[str, Any]) -> None:
    seconds = body.get("created") or body.get("created_at")
    recorder.get().record(
        id=identity,
        source="openai-batch",
        model=body.get("model") or "",
        provider="openai",
        processing="batch",
        action="batch",
        adapter="openai",
        start_us=int(seconds * 1_000_000) if seconds else None,
        **said,
    )


_OBJECTS = {"chat.completion": "chat", "text_completion": "completions", "response": "responses"}


def install() -> None:
    """Look at every request of the SDK."""
    dialect = Dialect("openai", asked, answered, gathering, fetched)
    base, streaming = sys.modules["openai._base_client"], sys.modules["openai._streaming"]
    _stainless.patch(base, streaming, dialect)
