"""OpenTelemetry spans with GenAI attributes, as OTLP/JSON: one document a line, 100 spans each.

Any collector takes them (`otlpjsonfilereceiver`, or POST to `/v1/traces`). Attributes are those
of semantic-conventions-genai (Development); what it has no name for yet stands under `finops.`,
amounts as decimal strings in USD.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import Any, TextIO

from finops_pack.export import Written
from finops_pack.export._buckets import paid_pico
from finops_pack.model import Call, Facts
from finops_pack.money import from_pico, plain

SPANS = 100
_CLIENT = 3  # SPAN_KIND_CLIENT
_ERROR = 2
_PROVIDERS = {
    "google": "gcp.gemini",
    "gemini": "gcp.gemini",
    "vertex_ai": "gcp.vertex_ai",
    "bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "x-ai": "x_ai",
    "xai": "x_ai",
    "mistral": "mistral_ai",
}
_HEX = {16: re.compile("[0-9a-f]{32}"), 8: re.compile("[0-9a-f]{16}")}


def write(calls: Iterable[Call], facts: Facts, out: TextIO) -> Written:
    """Write the calls as client spans; a task is a trace."""
    written, stream = Written(), iter(calls)
    while batch := list(islice(stream, SPANS)):
        out.write(json.dumps(document(batch), separators=(",", ":"), ensure_ascii=False) + "\n")
        written.calls += len(batch)
        written.rows += len(batch)
        written.unpriced_calls += sum(call.unpriced for call in batch)
    return written


def document(calls: Sequence[Call]) -> dict[str, Any]:
    """One OTLP document: spans by project, which is the service."""
    by_project = groupby(
        sorted(calls, key=lambda c: c.project or ""), key=lambda c: c.project or ""
    )
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes({"service.name": project or "unknown"})},
                "scopeSpans": [{"scope": {"name": "finops_pack"}, "spans": [*map(span, found)]}],
            }
            for project, found in by_project
        ]
    }


def span(call: Call) -> dict[str, Any]:
    """One call as a span."""
    made = {
        "traceId": _id(call.task or call.session or call.id, 16),
        "spanId": _id(call.id, 8),
        "name": f"chat {call.answered_by}",
        "kind": _CLIENT,
        "startTimeUnixNano": str(call.start_us * 1000),
        "endTimeUnixNano": str(call.end_us * 1000),
        "attributes": _attributes(dict(_told(call))),
        "status": {"code": _ERROR} if call.status == "error" else {},
    }
    return {**made, "parentSpanId": _id(call.parent, 8)} if call.parent else made


def _told(call: Call) -> Iterator[tuple[str, Any]]:
    provider = call.provider or ""
    yield "gen_ai.operation.name", "chat"
    yield "gen_ai.provider.name", _PROVIDERS.get(provider, provider)
    yield "gen_ai.request.model", call.model
    yield "gen_ai.response.model", call.served_model
    yield "gen_ai.response.id", call.response_id
    yield "gen_ai.response.finish_reasons", [call.finish_reason] if call.finish_reason else None
    yield "gen_ai.conversation.id", call.session
    yield "gen_ai.agent.name", call.agent
    yield "error.type", call.error_type
    if call.usage_basis != "unknown":
        yield "gen_ai.usage.input_tokens", call.input_tokens
        yield "gen_ai.usage.output_tokens", call.output_tokens
        yield "gen_ai.usage.cache_read.input_tokens", call.cache_read_tokens
        yield "gen_ai.usage.cache_creation.input_tokens", call.written_tokens
        yield "gen_ai.usage.reasoning.output_tokens", call.reasoning_tokens
        yield "finops.usage.cache_write_1h_tokens", call.cache_write_1h_tokens or None
    yield "finops.call.id", call.id
    yield "finops.action", call.action
    yield "finops.task", call.task
    yield "finops.cost.usd", _usd(None if call.unpriced else paid_pico(call))
    yield "finops.cost.list_usd", _usd(call.cost_pico)
    yield "finops.cost.state", call.cost_state
    yield "finops.cost.rate_id", call.rate_id
    yield "finops.cost.billed_usd", _usd(call.billed_pico)
    yield "finops.cost.billed_source", call.billed_source
    yield "finops.billing_mode", call.billing_mode
    yield "finops.usage.basis", call.usage_basis
    for key, value in call.context.items():
        yield f"finops.{key}", value
    for unit, quantity in call.extra.items():
        yield f"finops.extra.{unit}", quantity
    for key, value in call.tags.items():
        yield f"finops.tag.{key}", value


def _usd(pico: int | None) -> str | None:
    return None if pico is None else plain(from_pico(pico))


def _id(text: str, size: int) -> str:
    """The id of `size` bytes that this text is, or that stands for it."""
    last = text.rpartition("/")[2]
    if _HEX[size].fullmatch(last):
        return last
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=size).hexdigest()


def _attributes(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": k, "value": _value(v)} for k, v in told.items() if v is not None and v != ""]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    return {"stringValue": str(value)}
