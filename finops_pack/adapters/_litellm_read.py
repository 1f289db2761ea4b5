"""litellm's answers and streams: OpenAI's shapes, with what litellm hides beside them."""

from __future__ import annotations

import json
import os
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from finops_pack.adapters import _anthropic_read, _numbers, _openai_read, _patch, _raw, _usage
from finops_pack.adapters._openai_read import Chunks, Events
from finops_pack.adapters._streams import Gathering, Watched
from finops_pack.model import Usage
from finops_pack.recorder import Pending, guard
from finops_pack.recorder._messages import get, listed


def messages(log: Any, options: Any) -> list[Any]:
    """What is sent, a system text of its own field included."""
    head = options.get("instructions") or options.get("system")
    sent = listed(options.get("messages") or log.messages)
    return ([{"role": "system", "content": head}] if head else []) + sent


def named(log: Any, options: dict[str, Any]) -> tuple[str | None, str]:
    """(provider, model) as litellm itself takes the name apart; again of a retry's opened log."""
    from litellm import get_llm_provider

    name, said = str(options.get("model") or log.model or ""), options.get("custom_llm_provider")
    if "model" not in options:
        said = said or log.model_call_details.get("custom_llm_provider")
    try:
        rest, provider, _, _ = get_llm_provider(name, said, options.get("api_base"))
    except Exception:  # noqa: BLE001 - it will refuse the call itself, with its own words
        return said, name
    return provider, rest


def region(provider: str | None, options: dict[str, Any]) -> str | None:
    """Where Vertex is asked: as the call says, else litellm's settings, else the environment."""
    if provider not in ("vertex_ai", "vertex_ai_beta"):
        return None
    said = options.get("vertex_location") or options.get("vertex_ai_location")
    held = getattr(sys.modules["litellm"], "vertex_location", None)
    there = os.environ.get("VERTEXAI_LOCATION") or os.environ.get("VERTEX_LOCATION")
    return said or held or there


def charge(call: Pending, result: Any) -> None:
    """What a gateway's header says; litellm's own `response_cost` is a guess, not a bill."""
    headers = get(get(result, "_hidden_params"), "additional_headers")
    cost = _numbers.dollars(get(headers, "llm_provider-x-litellm-response-cost"))
    if cost is not None:
        call.charged(cost, "litellm")


def is_hit(result: Any) -> bool:
    """Whether the answer came from litellm's cache."""
    return get(get(result, "_hidden_params"), "cache_hit") is True


def answered(kind: str, result: Any) -> dict[str, Any]:
    """The arguments of `finish` from an answer."""
    kind = _asked(kind, result)
    if kind == "messages":
        return _anthropic_read.answered(kind, result)
    return {**_openai_read.answered(kind, result), **_billed_by(get(result, "usage"))}


def _billed_by(usage: Any) -> dict[str, Any]:
    """What Anthropic's price depends on: litellm keeps it with the usage."""
    return {name: value for name, value in _anthropic_read.billed_by(usage).items() if value}


def refused(log: Any, error: Any) -> Usage | None:
    """What an answer used that litellm's own check of its schema refused: it is billed."""
    if type(error).__name__ != "JSONSchemaValidationError":
        return None
    raw = log.model_call_details.get("original_response")
    return _usage.any_shape(get(json.loads(raw) if isinstance(raw, str) else raw, "usage"))


def gathering(kind: str, stream: Any) -> Gathering:
    """What collects a stream."""
    kind = _asked(kind, stream)
    if kind == "messages":
        return _raw.Lines(_anthropic_read.Events())
    return _Events() if kind == "responses" else _Chunks(stream)


def _asked(kind: str, result: Any) -> str:
    """What was asked where a provider has no such API: its own answer is seen first."""
    if kind not in ("chat", "messages", "responses"):
        return kind
    if hasattr(result, "choices") or hasattr(result, "chunks"):
        return "chat"
    stream = type(result).__module__.startswith("litellm.responses")
    return "responses" if stream or get(result, "object") == "response" else kind


class _Events(Events):
    """litellm writes a cost of its own reckoning into the last event: that is no bill."""

    def see(self, event: Any) -> None:
        super().see(event)
        self.billed = None


class _Chunks(Chunks):
    """litellm strips the usage off the chunks; it keeps them whole in the stream's `chunks`.

    Where no chunk had one, the usage it shows is counted by its own tokenizer: not measured.
    """

    def __init__(self, stream: Any) -> None:
        super().__init__()
        self.stream = weakref.ref(stream)

    def see(self, event: Any) -> None:
        super().see(event)
        shown = get(get(event, "_hidden_params"), "usage") or get(event, "usage")
        kept = (getattr(self.stream(), "chunks", None) or ()) if shown else ()
        told = [usage for chunk in kept if (usage := get(chunk, "usage")) is not None]
        self.usage = _usage.openai(shown) if told else None
        self.billed = _numbers.charged(told[-1]) if told else None
        for usage in told:
            self.said.update(_billed_by(usage))


def watch(cls: Any) -> None:
    """Look at what streams of this class give, where somebody put a `finops` on them; once."""
    for name, wrap in _WATCHED.items():
        if hasattr(cls, name):
            _patch.replace(cls, name, wrap)


@contextmanager
def _looking(stream: Any) -> Iterator[Watched | None]:
    """Inside a step litellm closes its streams itself: they are nobody's then."""
    watched: Watched | None = vars(stream).pop("finops", None)
    try:
        yield watched
    finally:
        if watched is not None:
            stream.finops = watched


def _next(original: Any) -> Any:
    def __next__(self: Any) -> Any:
        with _looking(self) as watched:
            return watched.step(lambda: original(self)) if watched else original(self)

    return __next__


def _anext(original: Any) -> Any:
    async def __anext__(self: Any) -> Any:
        with _looking(self) as watched:
            if watched:
                return await watched.step_async(lambda: original(self))
            return await original(self)

    return __anext__


def _close(original: Any) -> Any:
    def close(self: Any) -> None:
        original(self)
        _left(self)

    return close


def _aclose(original: Any) -> Any:
    async def aclose(self: Any) -> None:
        await original(self)
        _left(self)

    return aclose


@guard
def _left(stream: Any) -> None:
    watched: Watched | None = vars(stream).get("finops")
    if watched is not None:
        watched.cut(None)


_WATCHED = {"__next__": _next, "__anext__": _anext, "close": _close, "aclose": _aclose}
