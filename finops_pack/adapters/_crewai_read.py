"""What CrewAI's events say: usage, model, tool calls, and who asks."""

from __future__ import annotations

from typing import Any

from finops_pack.adapters import _numbers, _usage
from finops_pack.model import Usage
from finops_pack.recorder._messages import get


def usage_of(usage: Any) -> Usage | None:
    """Usage as the native clients give it (flat), else the provider's raw shape."""
    cached = _numbers.first(usage, "cached_prompt_tokens")
    written = _numbers.first(usage, "cache_creation_tokens")
    if isinstance(usage, dict) and (cached or written or "reasoning_tokens" in usage):
        return Usage(
            input_tokens=_numbers.first(usage, "prompt_tokens", "input_tokens"),
            output_tokens=_numbers.first(usage, "completion_tokens", "output_tokens"),
            cache_read_tokens=cached,
            cache_write_5m_tokens=written,
            reasoning_tokens=_numbers.first(usage, "reasoning_tokens"),
        )
    return _usage.any_shape(usage) if usage else None


def answer(event: Any) -> tuple[Usage | None, dict[str, Any]]:
    """The arguments of `Pending.finish` from the event that ends a call."""
    said, kind = event.response, getattr(getattr(event, "call_type", None), "value", "")
    asked = said if kind == "tool_call" and isinstance(said, list) else ()
    return usage_of(event.usage), {
        "response": said if isinstance(said, str) else None,
        "tool_calls": [_tool(one) for one in asked],
        "finish_reason": get(event, "finish_reason"),  # from CrewAI 1.14.7 on, as the next
        "response_id": get(event, "response_id"),
    }


def _tool(asked: Any) -> dict[str, Any]:
    function = get(asked, "function") or asked
    return {
        "id": get(asked, "id"),
        "name": get(function, "name"),
        "args": get(function, "arguments") or get(asked, "input") or "",
    }


def named(source: Any, event: Any) -> dict[str, str | None]:
    """Provider and model: litellm keeps its provider as a prefix of the name."""
    model = str(event.model or getattr(source, "model", "") or "")
    head, slash, rest = model.partition("/")
    provider = text(getattr(source, "provider", None)) or (head if slash else None)
    return {"provider": provider, "model": rest if slash and head == provider else model}


def request(source: Any, event: Any) -> dict[str, Any]:
    """What else a call is asked with: the model's own field of it, and what it hands on."""
    said = getattr(source, "additional_params", None)
    return {"n": get(event, "n"), **(said if isinstance(said, dict) else {})}


def bound(source: Any, event: Any) -> int | None:
    """The most tokens that the model may answer: before CrewAI 1.14.7 it alone knows."""
    most = get(event, "max_tokens", get(source, "max_tokens"))
    return int(most) if most else None


def role(event: Any) -> str | None:
    """The role of the agent that an event is about."""
    return text(get(event, "agent_role"))


def invented(event: Any) -> bool:
    """Whether a tool failed because there is none of that name: the model made it up."""
    reason = get(get(event, "failure"), "reason")
    said = getattr(reason, "value", reason) or get(event, "error") or get(event, "output") or ""
    return said == "unknown_tool" or "not found" in str(said).lower()


def failed_in_a_tool(event: Any) -> bool:
    """Whether a call "failed" in a tool that it ran itself: the model did answer."""
    return str(event.error).startswith(("Tool execution error", "Error executing function"))


def text(value: Any) -> str | None:
    """A short text, None when there is none."""
    return str(value).strip()[:200] or None if value else None
