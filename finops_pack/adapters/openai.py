"""The `openai` SDK itself: chat, responses, embeddings, images, transcriptions; any client of it.

Silent below another adapter, embeddings excepted: no framework tells of them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from finops_pack import context, recorder
from finops_pack.adapters import _ask, _openai_read, _options, _providers, _stainless
from finops_pack.adapters._ask import Dialect
from finops_pack.adapters._streams import Looked
from finops_pack.recorder._messages import get, listed

MODULES = ("openai._base_client",)
TESTED = {"openai": ("2.0", "4.0")}
CANNOT_SEE = (
    "usage of chat streams without stream_options include_usage: estimated and marked",
    "responses over a websocket (`responses.connect`): no row, and no budget holds them",
    "realtime sessions, assistants, speech, translations of speech, videos: no row",
    "what is no model call: fine-tuning, evals, hosted containers and vector stores: no row",
    "the cost of code interpreter and image generation tools: counted, and the price is partial",
    "with_streaming_response bodies that are never read: marked unknown",
    "what became of responses in the background that another process fetches: marked unknown",
)
_KINDS = {
    "/chat/completions": "chat",
    "/completions": "completions",
    "/responses": "responses",
    "/responses/compact": "responses",
    "/embeddings": "embeddings",
    "/images/generations": "images",
    "/images/edits": "images",
    "/images/variations": "images",
    "/audio/transcriptions": "audio",
}


def asked(client: Any, options: Any, body: dict[str, Any]) -> dict[str, Any] | None:
    """What a request is about."""
    kind = _kind(str(options.url))
    if kind is None:
        return None
    if kind == "chat" and body.get("stream") and _options.exact_streams and not context.owned():
        kind = kind if _is_read_raw(options) else _ask_usage(body)
    return {
        "kind": kind,
        "model": body.get("model"),
        "provider": _providers.of(client, "openai"),
        "framework_version": sys.modules["openai"].__version__,
        "messages": None if kind == "audio" else _messages(body),  # its length says nothing
        "tools": body.get("tools"),
        "max_output_tokens": _openai_read.longest(kind, body),
        "request": body,
    }


def _kind(url: str) -> str | None:
    """What is asked by this path; who calls `client.post` writes it in his own way."""
    path = url.partition("?")[0].rpartition("/v1/")[2]
    return _KINDS.get(url) or _KINDS.get(f"/{path.lstrip('/')}")


def _ask_usage(body: dict[str, Any]) -> str:
    """Ask for usage where the user did not; its extra chunk is then kept from the user."""
    options = body.get("stream_options") or {}
    if "include_usage" in options:
        return "chat"
    body["stream_options"] = {**options, "include_usage": True}
    return _openai_read.HIDDEN


def _is_read_raw(options: Any) -> bool:
    """`with_streaming_response`: who reads lines would see a chunk that he did not ask for."""
    headers = options.headers
    return isinstance(headers, Mapping) and headers.get("X-Stainless-Raw-Response") == "stream"


def _messages(body: Mapping[str, Any]) -> list[Any]:
    system = body.get("instructions")
    sent = body.get("messages") or body.get("input") or body.get("prompt")
    return ([{"role": "system", "content": system}] if system else []) + listed(sent)


def fetched(url: str, result: Any) -> None:
    """What is asked for after it was made: a response in the background, a batch."""
    if url.startswith("/responses/") and hasattr(result, "_iterator"):
        result._iterator = Looked(result._iterator, lambda event: _made(get(event, "response")))
    elif url.startswith("/responses/"):
        _made(result)
    else:
        _file(url, result)


def _made(response: Any) -> None:
    """A response that was asked for in this process, if it is made by now."""
    call = _ask.unanswered.get(str(get(response, "id")))
    said = _openai_read.answered("responses", response) if call is not None else {}
    if call is not None and (said["usage"] is not None or said.get("status") == "error"):
        _ask.unanswered.pop(str(get(response, "id")), None)
        call.swept = not call.open
        call.finish(**said)


def _file(url: str, result: Any) -> None:
    """The output file of a batch: its answers, at the batch's price, keyed as its import is."""
    if not (url.startswith("/files/") and url.endswith("/content")):
        return
    text = result.content
    if b'"batch_req_' not in text[:200]:
        return
    for line in text.splitlines():
        record = json.loads(line)
        body = (record.get("response") or {}).get("body") or {}
        said = _openai_read.answered(_OBJECTS.get(str(body.get("object")), "embeddings"), body)
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
    dialect = Dialect("openai", asked, _openai_read.answered, _openai_read.gathering, fetched)
    _stainless.patch(sys.modules["openai._base_client"], dialect)
