"""Batch results of OpenAI and Anthropic, and OpenTelemetry traces."""

from __future__ import annotations

import gzip
import json
import os
from decimal import Decimal
from typing import Any

import pytest

CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_760_000_000,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"finish_reason": "stop", "message": {"content": "no text is kept"}}],
    "usage": {
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "prompt_tokens_details": {"cached_tokens": 512},
        "completion_tokens_details": {"reasoning_tokens": 10},
    },
}


def openai(name: str, body: Any, status: int = 200, error: Any = None) -> dict[str, Any]:
    response = {"status_code": status, "request_id": f"r-{name}", "body": body}
    return {"id": name, "custom_id": name, "response": response if body else None, "error": error}


def test_openai_batch(bring: Any, calls: Any, lines: Any) -> None:
    answer = {
        "id": "resp_1",
        "created_at": 1_760_000_001,
        "model": "gpt-4o-mini",
        "status": "completed",
        "usage": {
            "input_tokens": 50,
            "output_tokens": 5,
            "input_tokens_details": {"cached_tokens": 0},
        },
    }
    vectors = {"model": "text-embedding-3-small", "usage": {"prompt_tokens": 9, "total_tokens": 9}}
    path = lines(
        openai("a", CHAT),
        openai("b", answer),
        openai("c", vectors),
        openai("d", {"error": {"code": "rate_limit"}}, 429),
        openai("e", None, error={"code": "batch_expired"}),
        "{",
        openai("f", {**CHAT, "usage": None}),
    )
    os.utime(path, (1_760_000_100, 1_760_000_100))
    summary = bring("openai-batch", path)
    assert [r.line for r in summary.rejected] == [6, 7]
    rows = {row.id: row for row in calls()}
    assert {row.processing for row in rows.values()} == {"batch"}
    chat = rows["a"]
    assert (chat.input_tokens, chat.cache_read_tokens, chat.output_tokens) == (1000, 512, 100)
    assert (chat.reasoning_tokens, chat.finish_reason) == (10, "stop")
    assert (chat.response_id, chat.request_id) == ("chatcmpl-1", "r-a")
    assert chat.start_us == 1_760_000_000_000_000
    assert rows["b"].input_tokens == 50
    assert (rows["c"].input_tokens, rows["c"].start_us) == (9, 1_760_000_100_000_000)
    assert [(rows[n].status, rows[n].error_type, rows[n].amount_usd) for n in "de"] == [
        ("error", "rate_limit", 0),
        ("error", "batch_expired", 0),
    ]
    assert not any(rows[n].unpriced for n in "de")
    assert chat.amount_usd == Decimal("0.000105")  # 0.075, cached too, and 0.30 a million


def test_an_error_that_is_a_text_is_not_kept(bring: Any, calls: Any, lines: Any) -> None:
    said = "Input validation error: TEXT of the prompt"
    bring("openai-batch", lines(openai("a", None, error=said), openai("b", {"error": said}, 422)))
    assert [row.error_type for row in sorted(calls(), key=lambda c: c.id)] == ["error", "422"]


def test_anthropic_batch(bring: Any, calls: Any, lines: Any) -> None:
    message = {
        "id": "msg_1",
        "model": "claude-sonnet-4-5-20250929",
        "stop_reason": "end_turn",
        "usage": {
            "input_tokens": 200,
            "cache_read_input_tokens": 50_000,
            "cache_creation_input_tokens": 10_000,
            "cache_creation": {
                "ephemeral_5m_input_tokens": 0,
                "ephemeral_1h_input_tokens": 10_000,
            },
            "output_tokens": 500,
            "service_tier": "batch",
        },
    }
    bad = {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}
    path = lines(
        {"custom_id": "a", "result": {"type": "succeeded", "message": message}},
        {"custom_id": "b", "result": {"type": "errored", "error": bad}},
        {"custom_id": "c", "result": {"type": "expired"}},
        {"custom_id": "d", "result": {"type": "succeeded"}},
        name="batch_2026-11-02_results.jsonl",
    )
    summary = bring("anthropic-batch", path)
    assert [r.line for r in summary.rejected] == [4]
    rows = {row.id: row for row in calls()}
    done = rows["msg_1"]
    assert (done.input_tokens, done.cache_read_tokens) == (60_200, 50_000)
    assert (done.cache_write_1h_tokens, done.cache_write_5m_tokens) == (10_000, 0)
    assert (done.processing, done.response_id, done.finish_reason) == ("batch", "msg_1", "end_turn")
    assert done.started_at.date().isoformat() == "2026-11-02"
    assert done.amount_usd == Decimal("0.04155")  # half of 0.0831
    assert [(rows[n].error_type, rows[n].amount_usd) for n in "bc"] == [
        ("invalid_request_error", 0),
        ("expired", 0),
    ]


def test_a_copy_of_a_file_moves_no_result_that_tells_no_time(
    bring: Any, calls: Any, lines: Any
) -> None:
    body = {"model": "text-embedding-3-small", "usage": {"prompt_tokens": 9, "total_tokens": 9}}
    days = []
    for name, written in (("a.jsonl", 1_760_000_000), ("copy.jsonl", 1_770_000_000)):
        path = lines(openai("c", body), name=name)
        os.utime(path, (written, written))
        bring("openai-batch", path, project=name)  # all else is what was told last
        assert [row.project for row in calls()] == [name]
        days += [row.started_at.date().isoformat() for row in calls()]
    bring("openai-batch", lines(openai("c", body), openai("d", CHAT), name="2026-02-03.jsonl"))
    days += [row.started_at.date().isoformat() for row in calls()]
    assert days == ["2025-10-09", "2025-10-09", "2025-10-09", "2026-02-03"]
    bring("openai-batch", lines(openai("d", CHAT), name="2026-99-99.jsonl"))


def attributes(**told: Any) -> list[dict[str, Any]]:
    def value(given: Any) -> dict[str, Any]:
        if isinstance(given, int):
            return {"intValue": str(given)}
        if isinstance(given, float):
            return {"doubleValue": given}
        if isinstance(given, list):
            return {"arrayValue": {"values": [value(item) for item in given]}}
        return {"stringValue": given}

    return [{"key": k.replace("__", "."), "value": value(v)} for k, v in told.items()]


def span(name: str, number: int, above: str = "", code: int = 0, **told: Any) -> dict[str, Any]:
    return {
        "traceId": "t" * 32,
        "spanId": f"s{number}",
        "parentSpanId": above,
        "name": name,
        "startTimeUnixNano": str(1_760_000_000_000_000_000 + number * 10**9),
        "endTimeUnixNano": str(1_760_000_000_500_000_000 + number * 10**9),
        "attributes": attributes(**told),
        "status": {"code": code},
    }


def trace(*spans: dict[str, Any]) -> dict[str, Any]:
    resource = {"attributes": attributes(service__name="shop")}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}


CALL = {
    "gen_ai__operation__name": "chat",
    "gen_ai__provider__name": "openai",
    "gen_ai__request__model": "gpt-4o",
    "gen_ai__response__model": "gpt-4o-2024-08-06",
    "gen_ai__response__id": "chatcmpl-9",
    "gen_ai__response__finish_reasons": ["stop"],
    "gen_ai__conversation__id": "talk",
    "gen_ai__agent__name": "helper",
    "gen_ai__usage__input_tokens": 100,
    "gen_ai__usage__cache_read__input_tokens": 40,
    "gen_ai__usage__output_tokens": 7,
}


def test_otlp_spans_that_call_a_model(bring: Any, calls: Any, lines: Any) -> None:
    sums = {**CALL, "gen_ai__operation__name": "invoke_agent"}
    old = {
        "gen_ai__system": "anthropic",
        "gen_ai__request__model": "claude-sonnet-4-5",
        "gen_ai__usage__prompt_tokens": 10,
        "gen_ai__usage__completion_tokens": 2,
    }
    silent = {"gen_ai__operation__name": "chat", "gen_ai__request__model": "gpt-4o"}
    path = lines(
        trace(
            span("plan trip", 1, **sums),
            span("chat gpt-4o", 2, "s1", **CALL),
            span("GET /", 3, http__method="GET"),
        ),
        trace(span("anthropic.chat", 4, **old)),
        trace(span("chat gpt-4o", 5, code=2, **silent, error__type="timeout")),
        trace(span("chat gpt-4o", 6, **silent)),
        "{",
        trace(span("chat", 7, **{**CALL, "gen_ai__usage__input_tokens": "many"})),
    )
    summary = bring("otlp", path)
    assert [r.line for r in summary.rejected] == [5, 6]
    one, two, three, four = calls()
    assert (one.model, one.served_model, one.provider) == ("gpt-4o", "gpt-4o-2024-08-06", "openai")
    assert (one.input_tokens, one.cache_read_tokens, one.output_tokens) == (100, 40, 7)
    assert (one.session, one.agent, one.project, one.action) == (
        "talk", "helper", "shop", "plan trip",
    )  # fmt: skip
    assert (one.task, one.parent) == ("t" * 32, "t" * 32 + "/s1")
    assert (one.duration_ms, one.finish_reason, one.response_id) == (500, "stop", "chatcmpl-9")
    assert (two.provider, two.input_tokens, two.output_tokens) == ("anthropic", 10, 2)
    assert (three.status, three.error_type, three.amount_usd) == ("error", "timeout", 0)
    assert not three.unpriced
    assert (four.usage_basis, four.unpriced) == ("unknown", True)


def test_otlp_the_model_that_answered_is_one_too(bring: Any, calls: Any, lines: Any) -> None:
    told = {key: value for key, value in CALL.items() if key != "gen_ai__request__model"}
    only_named = {"gen_ai__response__model": "gpt-4o"}
    bring("otlp", lines(trace(span("chat", 1, **told), span("step", 2, **only_named))))
    (call,) = calls()
    assert (call.model, call.input_tokens, call.unpriced) == ("gpt-4o-2024-08-06", 100, False)


@pytest.mark.parametrize(
    "key", ["openai__response__service_tier", "gen_ai__openai__request__service_tier"]
)
def test_otlp_a_tier_has_its_price(bring: Any, calls: Any, lines: Any, key: str) -> None:
    used = {**CALL, "gen_ai__response__model": "gpt-5", "gen_ai__request__model": "gpt-5"}
    bring("otlp", lines(trace(span("chat", 4, **used, **{key: "flex"}), span("chat", 5, **used))))
    flex, plain = calls()
    assert flex.service_tier == "flex"
    assert flex.amount_usd != plain.amount_usd


def test_otlp_a_call_that_two_libraries_saw_counts_once(bring: Any, calls: Any, lines: Any) -> None:
    plain = {k: v for k, v in CALL.items() if "response__id" not in k}
    twice = {**plain, "gen_ai__usage__input_tokens": 200, "gen_ai__usage__output_tokens": 14}
    path = lines(
        trace(
            span("ChatOpenAI.chat", 1, **plain),
            span("POST", 2, "s1", http__method="POST"),
            span("openai.chat", 3, "s2", **plain),
            span("generate", 4, **twice),  # the sum of the two below
            span("openai.chat", 5, "s4", **plain),
            span("openai.chat", 6, "s4", **plain),
            span("chat", 7, **plain),  # asked for another with its answer
            span("chat", 8, "s7", **twice),
            span("round", 9, "s9", **plain),
        )
    )
    bring("otlp", path)
    assert [c.id[-2:] for c in calls()] == ["s3", "s5", "s6", "s7", "s8", "s9"]


@pytest.mark.parametrize("name", ["unknown", "unknown_service:python", "shop:eu"])
def test_otlp_a_service_without_a_name_is_no_project(
    bring: Any, calls: Any, lines: Any, name: str
) -> None:
    told = trace(span("chat", 4, **CALL))
    told["resourceSpans"][0]["resource"] = {"attributes": attributes(service__name=name)}
    bring("otlp", lines(told))
    assert [c.project for c in calls()] == [None if "unknown" in name else name]


def test_otlp_as_one_indented_document(bring: Any, calls: Any, tmp_path: Any) -> None:
    path = tmp_path / "trace.json"
    path.write_text(json.dumps(trace(span("chat", 2, **CALL)), indent=2))
    assert bring("otlp", path).new == 1


@pytest.mark.parametrize("name", ["trace.jsonl", "trace.json.gz"])
def test_otlp_one_indented_document_by_any_name(
    bring: Any, calls: Any, tmp_path: Any, name: str
) -> None:
    text = json.dumps(trace(span("chat", 2, **CALL)), indent=2).encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    summary = bring("otlp", tmp_path)
    assert (summary.new, summary.rejected) == (1, [])


@pytest.mark.parametrize(
    ("read", "written", "thought"),
    [
        ("cache_read_input_tokens", "cache_creation_input_tokens", "reasoning_tokens"),
        ("details__cache_read_tokens", "details__cache_write_tokens", "details__reasoning_tokens"),
    ],
)
def test_otlp_other_names_of_what_was_cached(
    bring: Any, calls: Any, lines: Any, read: str, written: str, thought: str
) -> None:
    told = {
        "gen_ai__request__model": "claude-sonnet-4-5",
        "gen_ai__usage__input_tokens": 100,
        "gen_ai__usage__output_tokens": 9,
        f"gen_ai__usage__{read}": 60,
        f"gen_ai__usage__{written}": 30,
        f"gen_ai__usage__{thought}": 5,
    }
    bring("otlp", lines(trace(span("chat", 4, **told))))
    (one,) = calls()
    assert (one.input_tokens, one.cache_read_tokens, one.cache_write_5m_tokens) == (100, 60, 30)
    assert (one.output_tokens, one.reasoning_tokens) == (9, 5)


@pytest.mark.parametrize(("sent", "out"), [("100", "9"), (100.0, 9.0)], ids=["texts", "floats"])
def test_otlp_counts_that_are_told_as_texts_or_floats(
    bring: Any, calls: Any, lines: Any, sent: Any, out: Any
) -> None:
    told = {"gen_ai__request__model": "gpt-4o", "gen_ai__usage__input_tokens": sent}
    told["gen_ai__usage__output_tokens"] = out
    assert bring("otlp", lines(trace(span("chat", 4, **told)))).rejected == []
    assert [(call.input_tokens, call.output_tokens) for call in calls()] == [(100, 9)]
