"""Traces with OpenTelemetry's GenAI attributes: OTLP/JSON, one document or one a line.

Spans that call a model are calls; spans of agents, workflows and tools only sum them up and are
left out. `gen_ai.usage.input_tokens` includes what was cached. A trace is a task, the service a
project, the span above names what the call was for.

Source: semantic-conventions-genai (Development), package opentelemetry-semantic-conventions
0.66b2; `gen_ai.system`, `prompt_tokens` and `completion_tokens` are its older names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from finops_pack.importers._lines import WRONG, count, first, logs, numbered, opened, text, why
from finops_pack.importers._state import Item, Rejected, State

NAME = "otlp"
HELP = "OpenTelemetry traces with gen_ai.* attributes, as OTLP/JSON"
AGENT = False

_SUMS = ("invoke_agent", "create_agent", "invoke_workflow", "execute_tool")
_ERROR = (2, "STATUS_CODE_ERROR")

Span = Mapping[str, Any]


def default_paths() -> tuple[Path, ...]:
    """None: a file must be named."""
    return ()


def files(path: Path) -> Iterator[Path]:
    """The file, or every one below a folder that may be OTLP/JSON."""
    yield from logs(path, ".json", ".jsonl", ".jsonl.gz")


def read(path: Path, state: State) -> Iterator[Item]:
    """Every model call of the file."""
    for number, document in _documents(path):
        try:
            if isinstance(document, str):
                raise ValueError(document)
            spans = list(_spans(document))
            names = {str(span.get("spanId")): span.get("name") for span, _ in spans}
        except WRONG as error:
            yield Rejected(number, why(error))
            continue
        for span, resource in spans:
            try:
                row = call(span, resource, names)
                if row is not None:
                    yield row
            except WRONG as error:
                yield Rejected(number, f"span {str(span.get('spanId'))[:40]!r}: {why(error)}")


def _documents(path: Path) -> Iterator[tuple[int, Any]]:
    """The whole file as one document, else each line; a text says what is wrong."""
    if path.suffix == ".json":
        with opened(path) as file:
            document = _decoded(file.read())
        if not isinstance(document, str):
            yield 1, document
            return
    for number, line in numbered(path):
        yield number, _decoded(line)


def _decoded(data: bytes) -> Any:
    try:
        document = json.loads(data)
    except WRONG as error:
        return why(error)
    return document if isinstance(document, dict) else "must be an object"


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
    told = {
        key.removeprefix("gen_ai."): v for key, v in _attributes(span.get("attributes")).items()
    }
    operation = told.get("operation.name")
    if operation in _SUMS or "request.model" not in told:
        return None
    begin, end = int(span["startTimeUnixNano"]) // 1000, int(span["endTimeUnixNano"]) // 1000
    failed = (span.get("status") or {}).get("code") in _ERROR or "error.type" in told
    above = span.get("parentSpanId") or None
    reasons = told.get("response.finish_reasons")
    return {
        "type": "call",
        "id": f"{text(span['traceId'], 'traceId')}/{text(span['spanId'], 'spanId')}",
        "start_us": begin,
        "duration_ms": max(0, end - begin) // 1000,
        "model": str(told["request.model"]),
        "served_model": told.get("response.model"),
        "provider": first((told.get("provider.name"), told.get("system"))),
        "response_id": told.get("response.id"),
        "finish_reason": str(reasons[0]) if isinstance(reasons, list) and reasons else None,
        "session": told.get("conversation.id"),
        "task": span["traceId"],
        "parent": f"{span['traceId']}/{above}" if above else None,
        "project": resource.get("service.name"),
        "agent": told.get("agent.name"),
        "action": str(names.get(above) or operation or span.get("name") or "call"),
        "status": "error" if failed else "ok",
        "error_type": str(told.get("error.type") or "error") if failed else None,
        **_usage(told, failed),
    }


def _usage(span: Mapping[str, Any], failed: bool) -> dict[str, Any]:
    told = {k.removeprefix("usage."): v for k, v in span.items() if k.startswith("usage.")}
    if not told and failed:
        return {"cost_pico": 0, "cost_state": "priced"}
    if not told:
        return {"usage_basis": "unknown", "cost_state": "unpriced", "missing": ["usage"]}
    return {
        "input_tokens": count(told, "input_tokens") or count(told, "prompt_tokens"),
        "cache_read_tokens": count(told, "cache_read.input_tokens"),
        "cache_write_5m_tokens": count(told, "cache_creation.input_tokens"),
        "output_tokens": count(told, "output_tokens") or count(told, "completion_tokens"),
        "reasoning_tokens": count(told, "reasoning.output_tokens"),
    }


def _attributes(listed: Iterable[Mapping[str, Any]] | None) -> dict[str, Any]:
    """OTLP's list of typed values as a plain mapping."""
    return {str(entry["key"]): _value(entry.get("value") or {}) for entry in listed or ()}


def _value(value: Mapping[str, Any]) -> Any:
    if "intValue" in value:
        return int(value["intValue"])
    if "arrayValue" in value:
        return [_value(item) for item in value["arrayValue"].get("values") or ()]
    return first(value.get(kind) for kind in ("stringValue", "doubleValue", "boolValue"))
