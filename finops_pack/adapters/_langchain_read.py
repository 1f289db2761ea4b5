"""What LangChain's results say: usage, model, tool calls, and why an answer was refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finops_pack.adapters import _usage
from finops_pack.adapters._streams import CUT
from finops_pack.model import Usage
from finops_pack.recorder import Pending

_PLAIN_TIERS = (None, "default", "standard", "auto")
_OWN_IDS = ("run-", "lc_")  # LangChain's own, not the provider's
_NOTHING: Mapping[str, Any] = {}


def answer(call: Pending, result: Any, seen: Any) -> list[str]:
    """End the call with an `LLMResult`; the ids of the tool calls that it asks for.

    `seen` is the usage that a stream carried, should the result have lost it.
    """
    told = _told(call)
    generation = _first(result)
    message = getattr(generation, "message", None)
    meta = getattr(message, "response_metadata", None) or _NOTHING
    counted = getattr(message, "usage_metadata", None)
    if counted and counted.get("total_cost") == 0:
        call.finish(None, status="cache_hit")  # the answer came from LangChain's own cache
        return []
    whole = getattr(result, "llm_output", None) or _NOTHING
    raw = whole.get("token_usage") or meta.get("token_usage") or meta.get("usage")
    usage = told.get("usage") or _usage.langchain(counted) or _usage.any_shape(raw)
    asked = list(getattr(message, "tool_calls", None) or ())
    broken = list(getattr(message, "invalid_tool_calls", None) or ())
    tier = _usage.tier_of(counted) or meta.get("service_tier")
    call.finish(
        usage or _usage.langchain(seen),
        response=message if message is not None else getattr(generation, "text", None),
        tool_calls=asked + broken,
        served_model=meta.get("model_name") or meta.get("model") or whole.get("model_name"),
        response_id=told.get("response_id") or _response_id(message, meta),
        finish_reason=meta.get("finish_reason") or meta.get("stop_reason"),
        service_tier=None if tier in _PLAIN_TIERS else tier,
        verifier="schema" if broken else None,
        billed_usd=told.get("billed_usd") or _usage.charged(raw),
    )
    return [tool["id"] for tool in asked if tool.get("id")]


def _told(call: Pending) -> Mapping[str, Any]:
    """What the SDK below saw of this call, when it was one request."""
    return call.told[0] if len(call.told) == 1 else _NOTHING


def _first(result: Any) -> Any:
    generations = getattr(result, "generations", None)
    return generations[0][0] if generations and generations[0] else None


def _response_id(message: Any, meta: Mapping[str, Any]) -> str | None:
    identity = meta.get("id") or getattr(message, "id", None)
    return None if identity is None or identity.startswith(_OWN_IDS) else identity


def failure(call: Pending, error: Any, result: Any, seen: Any, chars: int) -> None:
    """End the call with an error: refused, cut short, or billed and then not parsed."""
    message = getattr(_first(result), "message", None)
    meta = getattr(message, "response_metadata", None) or _NOTHING
    body = meta.get("body")
    if not isinstance(body, Mapping):
        body = _NOTHING
    usage = _told(call).get("usage") or _usage.any_shape(body.get("usage"))
    if usage is not None:
        call.finish(
            usage,
            served_model=body.get("model"),
            response_id=body.get("id"),
            error_type=type(error).__name__,
            verifier=verdict(error) or "schema",
        )
    elif "ttft_ms" in call.row:
        cut = _partial(call, seen, chars)
        call.fail(error, cut, usage_basis="estimated", usage_method=CUT)
    else:
        call.fail(error)


def _partial(call: Pending, seen: Any, chars: int) -> Usage:
    """The usage of a stream that was cut short, at least: its prompt and what came."""
    told = _usage.langchain(seen)
    sent = told or call.estimate("")
    out = max((chars + 3) // 4, told.output_tokens if told else 0)
    return Usage(
        sent.input_tokens,
        out,
        sent.cache_read_tokens,
        sent.cache_write_5m_tokens,
        sent.cache_write_1h_tokens,
        min(sent.reasoning_tokens, out),
    )


_VERDICTS = {
    "OutputParserException": "format",
    "JSONDecodeError": "format",
    "ValidationError": "schema",
    "StructuredOutputValidationError": "schema",
    "MultipleStructuredOutputsError": "schema",
    "StructuredOutputError": "schema",
    "LengthFinishReasonError": "format",
    "ContentFilterFinishReasonError": "guardrail",
}


def verdict(error: Any) -> str | None:
    """The verifier that speaks through a parser's exception, None for any other error."""
    return next(
        (_VERDICTS[c.__name__] for c in type(error).__mro__ if c.__name__ in _VERDICTS), None
    )
