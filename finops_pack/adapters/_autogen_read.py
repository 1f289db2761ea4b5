"""What AutoGen's results and clients say: usage, settings, provider, and which agent asks."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

from finops_pack import context
from finops_pack.adapters import _above, _autogen_runs, _providers
from finops_pack.adapters._streams import CUT, at_least
from finops_pack.model import Usage
from finops_pack.recorder import Pending
from finops_pack.recorder._messages import get

_FRAMES = 25
_LAYERS = 5
_CLASSES = (("OpenAI", "openai"), ("Anthropic", "anthropic"))
_CLAUDE_TOKENS = 4096  # what the client for Claude sends unless told, whoever serves it


def answer(call: Pending, result: Any) -> None:
    """End the call with a `CreateResult`."""
    if get(result, "cached"):
        call.finish(None, status="cache_hit")
        return
    content = get(result, "content")
    asked = content if isinstance(content, list) else ()
    call.end_as_told(
        usage_of(result),
        response=content if isinstance(content, str) else None,
        tool_calls=[
            {"id": get(one, "id"), "name": get(one, "name"), "args": get(one, "arguments") or ""}
            for one in asked
        ],
        finish_reason=get(result, "finish_reason"),
    )


def failure(call: Pending, error: BaseException, came: str = "") -> None:
    """It failed, or its stream was left: what came of that is estimated."""
    if came and not call.told:
        usage = at_least(call, _above.came(call), came)
        call.fail(error, usage, usage_basis="estimated", usage_method=CUT)
    else:
        _above.fail(call, error)


def usage_of(result: Any) -> Usage | None:
    """AutoGen's two numbers, for clients whose SDK told us nothing; 0 and 0 is no answer."""
    usage = get(result, "usage")
    sent, made = get(usage, "prompt_tokens"), get(usage, "completion_tokens")
    return Usage(input_tokens=sent or 0, output_tokens=made or 0) if sent or made else None


def request(client: Any, more: Any) -> dict[str, Any]:
    """The arguments that a client sends with every request, and with this one."""
    said = (get(layer, "_create_args") for layer in _layers(client))
    claude = "anthropic" in map(_named, _layers(client))
    unsaid = {"max_tokens": _CLAUDE_TOKENS} if claude else {}
    return {**unsaid, **next(filter(None, said), {}), **(more or {})}


def longest(request: Mapping[str, Any]) -> int | None:
    """The most tokens that an answer of Ollama's may have; its client takes it in two places."""
    said: int | None = get(request, "num_predict")
    return said or get(get(request, "options"), "num_predict")


def provider(client: Any) -> str | None:
    """Who is behind a client: as the SDK's client in it tells, else its class."""
    layers = list(_layers(client))
    told = (_providers.of(layer, "") for layer in layers)
    return next(filter(None, (*told, *map(_named, layers))), None)


def _layers(client: Any) -> Iterator[Any]:
    """A client, those that it wraps, the SDK's."""
    for _ in range(_LAYERS):
        if client is not None:
            yield client
            client = get(client, "client") or get(client, "_client")


def _named(client: Any) -> str | None:
    name = type(client).__name__
    return next((who for word, who in _CLASSES if word in name), None)


def agent() -> str | None:
    """The agent that asks: one alone, else the runtime knows it, or it stands in a frame above."""
    run = context.around()
    if isinstance(run, _autogen_runs.Alone):
        return run.agent
    try:
        from autogen_core._message_handler_context import MessageHandlerContext

        return str(MessageHandlerContext.agent_id().type).rpartition("_")[0] or None
    except Exception:  # noqa: BLE001 - outside of a runtime there is none
        return _named_above(sys._getframe(2))


def _named_above(frame: FrameType | None) -> str | None:
    for _ in range(_FRAMES):
        name = frame.f_locals.get("agent_name") if frame is not None else None
        if isinstance(name, str) or frame is None:
            return name
        frame = frame.f_back
    return None
