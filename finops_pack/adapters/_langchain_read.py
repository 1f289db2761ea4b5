"""What LangChain's results say: usage, model, tool calls, and why an answer was refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from finops_pack.adapters import _above, _numbers, _usage
from finops_pack.adapters._streams import CUT
from finops_pack.model import Usage
from finops_pack.recorder import Pending

_HIT = "total_cost"  # is 0 in the usage of an answer that came from LangChain's own cache
_OWN_IDS = ("run-", "lc_")  # LangChain's own, not the provider's
_NOTHING: Mapping[str, Any] = {}


def answer(call: Pending, result: Any, seen: Any) -> Sequence[str]:
    """End the call with an `LLMResult`; the ids of the tool calls that it asks for.

    `seen` is the usage that a stream carried, should the result have lost it.
    """
    generation = _first(result)
    message = getattr(generation, "message", None)
    if message is None:
        _completion(call, result, generation)
        return ()
    of = vars(message).get  # not every message has all; and pydantic is slow to look them up
    counted, meta = of("usage_metadata"), of("response_metadata") or _NOTHING
    if counted and counted.get(_HIT) == 0:
        call.finish(None, status="cache_hit")
        return ()
    asked, broken = of("tool_calls"), of("invalid_tool_calls")
    usage = _usage.langchain(counted)
    fields = _fields(meta, of("id"), counted if usage is not None else _NOTHING)
    if broken:
        fields["verifier"] = "schema"
    raw = meta.get("token_usage") or meta.get("usage")
    if raw:
        fields["billed_usd"] = _numbers.charged(raw)
        usage = usage or _usage.any_shape(raw)
    elif meta.get("model_provider") == "openrouter":
        fields["billed_usd"] = _numbers.charged(meta)  # langchain-openrouter keeps no usage there
    if len(call.told) == 1:
        usage = _better(call.told[0], usage, fields)
    usage = usage or _usage.langchain(seen)
    if call.others and call.passed_on(usage):
        call.drop()
        return ()
    if call.told and _is_their_own(call):
        call.end_as_told(usage, **fields)
    elif asked or broken:
        call.end(usage, message, [*(asked or ()), *(broken or ())], fields)
    else:
        text = of("content")
        call.end(usage, text if isinstance(text, str) else message, (), fields)
    return [tool["id"] for tool in asked if tool.get("id")] if asked else ()


def _better(told: Mapping[str, Any], usage: Usage | None, fields: dict[str, Any]) -> Usage | None:
    """The usage as the SDK below saw it, which knows more than LangChain keeps."""
    fields["response_id"] = told.get("response_id") or fields["response_id"]
    fields["billed_usd"] = told.get("billed_usd") or fields.get("billed_usd")
    if "status" in told:  # of an answer that is no answer yet
        fields["status"] = told["status"]
    return told["usage"] or usage


def _is_their_own(call: Pending) -> bool:
    """Whether it is a model of the user's own over an SDK, or one that asks several times."""
    return len(call.told) > 1 or bool(call.told and "provider" not in call.row)


def _fields(meta: Mapping[str, Any], own: str | None, counted: Mapping[str, Any]) -> dict[str, Any]:
    get = meta.get
    identity = get("id") or own
    fields = {
        "served_model": get("model_name") or get("model"),
        "response_id": None if str(identity).startswith(_OWN_IDS) else identity,
        "finish_reason": get("finish_reason") or get("stop_reason"),
    }
    tier = get("service_tier") or _usage.tier_of(counted.get("input_token_details") or ())
    if tier not in _usage.PLAIN_TIERS:
        fields["service_tier"] = tier
    return fields


def _completion(call: Pending, result: Any, generation: Any) -> None:
    """A model that completes text has its usage beside its answer, if anywhere."""
    whole = getattr(result, "llm_output", None) or _NOTHING
    raw = whole.get("token_usage")
    usage = _usage.any_shape(raw)
    if call.passed_on(usage):
        call.drop()
        return
    call.end_as_told(
        usage,
        response=getattr(generation, "text", None),
        served_model=whole.get("model_name"),
        billed_usd=_numbers.charged(raw),
    )


def _first(result: Any) -> Any:
    generations = result.generations
    return generations[0][0] if generations and generations[0] else None


def failure(call: Pending, error: Any, result: Any, seen: Any, chars: int) -> None:
    """End the call with an error: refused, cut short, or billed and then not parsed."""
    message = getattr(_first(result), "message", None) if result is not None else None
    body = (getattr(message, "response_metadata", None) or _NOTHING).get("body")
    if not isinstance(body, Mapping):
        body = _NOTHING
    usage = _usage.any_shape(body.get("usage"))
    if len(call.told) == 1:
        usage = call.told[0]["usage"] or usage
    if call.passed_on(usage):
        call.drop()
    elif _is_their_own(call):
        _above.fail(call, error)
    elif usage is not None and not _above.rejects(error):
        call.end_as_told(usage)
    elif usage is not None:
        call.finish(
            usage,
            served_model=body.get("model"),
            response_id=body.get("id"),
            error_type=type(error).__name__,
            verifier=verdict(error) or "schema",
        )
    elif "ttft_ms" in call.row:
        cut = _partial(call, seen, chars)
        known = _above.known(call)
        call.fail(error, cut, usage_basis="estimated", usage_method=CUT, **known)
    else:
        call.fail(error)


def _partial(call: Pending, seen: Any, chars: int) -> Usage:
    """The usage of a stream that was cut short, at least: its prompt and what came."""
    told = _above.came(call) or _usage.langchain(seen)
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
