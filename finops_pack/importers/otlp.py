"""Traces with OpenTelemetry's GenAI attributes: OTLP/JSON, one document or one a line.

Spans that call a model are calls; spans of agents, workflows and tools only sum them up and are
left out. `gen_ai.usage.input_tokens` includes what was cached. A trace is a task, the service a
project, the span above names what the call was for. `finops.*` is what our own export adds.

Source: semantic-conventions-genai (Development), package opentelemetry-semantic-conventions
0.66b2; its older names, and those of OpenLLMetry, pydantic-ai and CrewAI, stand in `_COUNTS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

from finops_pack.importers import jsonl
from finops_pack.importers._lines import (
    LONGEST,
    WRONG,
    count,
    decoded,
    first,
    logs,
    nowhere,
    numbered,
    text,
    why,
)
from finops_pack.importers._state import Item, Rejected, State

NAME = "otlp"
HELP = "OpenTelemetry traces with gen_ai.* attributes, as OTLP/JSON"
AGENT = False
default_paths = nowhere

_SUMS = ("invoke_agent", "create_agent", "invoke_workflow", "execute_tool")
_ERROR = (2, "STATUS_CODE_ERROR")
_COUNTS = {
    "input_tokens": ("input_tokens", "prompt_tokens"),
    "cache_read_tokens": (
        "cache_read.input_tokens", "cache_read_input_tokens", "details.cache_read_tokens",
    ),
    "cache_write_5m_tokens": (
        "cache_creation.input_tokens", "cache_creation_input_tokens", "details.cache_write_tokens",
    ),
    "output_tokens": ("output_tokens", "completion_tokens"),
    "reasoning_tokens": (
        "reasoning.output_tokens", "reasoning_tokens", "details.reasoning_tokens",
    ),
}  # fmt: skip
_NAMELESS = ("", "unknown", "unknown_service")
_TIERS = ("response", "request")
_DEPTH = 50  # spans between two calls
_OURS = ("task", "action", "processing", "service_tier", "region", "billing_mode")

Span = Mapping[str, Any]


def files(path: Path) -> Iterator[Path]:
    """The file, or every one below a folder that may be OTLP/JSON."""
    yield from logs(path, ".json", ".json.gz", ".jsonl", ".jsonl.gz")


def read(path: Path, state: State) -> Iterator[Item]:
    """Every model call of the file."""
    for number, document in _documents(path):
        try:
            if isinstance(document, str):
                raise ValueError(document)
            spans = list(_spans(document))
            names = {str(span.get("spanId")): span.get("name") for span, _ in spans}
            above = {_id(span, "spanId"): _id(span, "parentSpanId") for span, _ in spans}
        except WRONG as error:
            yield Rejected(number, why(error))
            continue
        rows: list[dict[str, Any]] = []
        for span, resource in spans:
            try:
                row = call(span, resource, names)
                if row is not None:
                    rows.append(row)
            except WRONG as error:
                yield Rejected(number, f"span {str(span.get('spanId'))[:40]!r}: {why(error)}")
        yield from _told_once(rows, above)


def _told_once(rows: list[dict[str, Any]], above: Mapping[str, str]) -> Iterator[Item]:
    """Without spans that tell again what the calls below them told: two libraries saw one call."""
    below = {row["id"]: (0, 0) for row in rows}
    for row in rows:
        outer = above.get(row["id"])
        for _ in range(_DEPTH):
            if outer is None or outer in below:
                break
            outer = above.get(outer)
        if outer in below and outer != row["id"]:
            (sent, out), (more, made) = below[outer], _tokens(row)
            below[outer] = sent + more, out + made
    for row in rows:
        if row.pop("ours") or below[row["id"]] == (0, 0) or below[row["id"]] != _tokens(row):
            yield row


def _tokens(row: Mapping[str, Any]) -> tuple[int, int]:
    return row.get("input_tokens", 0), row.get("output_tokens", 0)


def _id(span: Span, of: str) -> str:
    return f"{span.get('traceId')}/{span.get(of)}"


def _documents(path: Path) -> Iterator[tuple[int, Any]]:
    """Each line, or all as one when the first is only its beginning; a text says what is wrong."""
    lines = numbered(path)
    head = list(islice(lines, 1))
    if head and isinstance(decoded(head[0][1]), str) and _all_in(head, lines):
        document = decoded(b"\n".join(line for _, line in head))
        if not isinstance(document, str):
            yield 1, document
            return
    for number, line in chain(head, lines):
        yield number, decoded(line)


def _all_in(head: list[tuple[int, bytes]], lines: Iterator[tuple[int, bytes]]) -> bool:
    """Add the lines to the first as far as a document may reach; whether these were all."""
    size = 0
    for line in lines:
        head.append(line)
        size += len(line[1])
        if size > LONGEST:
            return False
    return True


def _spans(document: Mapping[str, Any]) -> Iterator[tuple[Span, dict[str, Any]]]:
    for group in document.get("resourceSpans") or ():
        resource = _attributes((group.get("resource") or {}).get("attributes"))
        for scope in group.get("scopeSpans") or ():
            for span in scope.get("spans") or ():
                yield span, resource


def call(
    span: Span, resource: Mapping[str, Any], names: Mapping[Any, Any]
) -> dict[str, Any] | None:
    """A span as a call; None when it calls no model. Raises `ValueError` or `KeyError`."""
    attributes = _attributes(span.get("attributes"))
    told = {key.removeprefix("gen_ai."): v for key, v in attributes.items()}
    operation, model = told.get("operation.name"), _model(told)
    if operation in _SUMS or model is None:
        return None
    begin, end = int(span["startTimeUnixNano"]) // 1000, int(span["endTimeUnixNano"]) // 1000
    failed = (span.get("status") or {}).get("code") in _ERROR or "error.type" in told
    above = span.get("parentSpanId") or None
    ours = _below("finops.", attributes)
    service = str(resource.get("service.name") or "")
    reasons = told.get("response.finish_reasons")
    return {
        "type": "call",
        "id": f"{text(span['traceId'], 'traceId')}/{text(span['spanId'], 'spanId')}",
        "start_us": begin,
        "duration_ms": max(0, end - begin) // 1000,
        "model": str(model),
        "served_model": told.get("response.model"),
        "provider": first((told.get("provider.name"), told.get("system"))),
        "response_id": told.get("response.id"),
        "finish_reason": str(reasons[0]) if isinstance(reasons, list) and reasons else None,
        "session": told.get("conversation.id"),
        "task": span["traceId"],
        "parent": f"{span['traceId']}/{above}" if above else None,
        "project": None if service.partition(":")[0] in _NAMELESS else service,
        "agent": told.get("agent.name"),
        "action": str(names.get(above) or operation or span.get("name") or "call"),
        "status": "error" if failed else "ok",
        "service_tier": first(told.get(f"openai.{of}.service_tier") for of in _TIERS),
        "error_type": str(told.get("error.type") or "error") if failed else None,
        **_usage(told, failed),
        **_ours(ours),
        "ours": "call.id" in ours,
    }


def _model(told: Mapping[str, Any]) -> Any:
    """The model that was asked for; some tell only which one answered, and what it used."""
    answered = told.get("response.model") if _below("usage.", told) else None
    return first((told.get("request.model"), answered))


def _usage(span: Mapping[str, Any], failed: bool) -> dict[str, Any]:
    told = {name: _whole(value) for name, value in _below("usage.", span).items()}
    if not told and failed:
        return {"cost_pico": 0, "cost_state": "priced"}
    if not told:
        return {"usage_basis": "unknown", "cost_state": "unpriced", "missing": ["usage"]}
    row: dict[str, Any] = {
        ours: first(count(told, name) or None for name in names) or 0
        for ours, names in _COUNTS.items()
    }
    long = count(span, "finops.usage.cache_write_1h_tokens")
    row["cache_write_5m_tokens"] = max(0, row["cache_write_5m_tokens"] - long)
    row["cache_write_1h_tokens"] = long
    return row


def _whole(value: Any) -> Any:
    """A count as a number: Micrometer, so Spring AI, tells all as texts, others some as floats."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _ours(told: Mapping[str, Any]) -> dict[str, Any]:
    """What our export says in words of its own: who pays, what was billed, what sets the price."""
    row: dict[str, Any] = jsonl.plain({name: told.get(name) for name in _OURS})
    if row.get("billing_mode") == "unknown":  # what was said of this source may know better
        del row["billing_mode"]
    billed, basis = told.get("cost.billed_usd"), told.get("usage.basis")
    if billed is not None:
        row["billed_pico"] = jsonl.billed(billed)
        row["billed_source"] = str(told.get("cost.billed_source") or "provider")
    if basis == "estimated":
        row["usage_basis"] = basis
    row["extra"] = {unit: count(told, f"extra.{unit}") for unit in _below("extra.", told)}
    row["tags"] = {key: str(value) for key, value in _below("tag.", told).items()}
    return row


def _below(prefix: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """What stands under a prefix, without it."""
    return {k.removeprefix(prefix): v for k, v in told.items() if k.startswith(prefix)}


def _attributes(listed: Iterable[Mapping[str, Any]] | None) -> dict[str, Any]:
    """OTLP's list of typed values as a plain mapping."""
    return {str(entry["key"]): _value(entry.get("value") or {}) for entry in listed or ()}


def _value(value: Mapping[str, Any]) -> Any:
    if "intValue" in value:
        return int(value["intValue"])
    if "arrayValue" in value:
        return [_value(item) for item in value["arrayValue"].get("values") or ()]
    return first(value.get(kind) for kind in ("stringValue", "doubleValue", "boolValue"))
