"""The project's own line format."""

from __future__ import annotations

import gzip
import io
import json
import os
import threading
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from finops_pack.importers import _job

GIVEN = {
    "id": "run7/3",
    "time": "2025-11-18T23:55:16Z",
    "model": "gpt-4o",
    "usage": {"input_tokens": 1000, "output_tokens": 100},
}


def test_only_four_fields_are_required(bring: Any, calls: Any, lines: Any) -> None:
    summary = bring("jsonl", lines(GIVEN))
    assert (summary.read, summary.new, summary.rejected) == (1, 1, [])
    (call,) = calls()
    assert (call.id, call.source, call.model) == ("run7/3", "jsonl", "gpt-4o")
    assert call.started_at.isoformat() == "2025-11-18T23:55:16+00:00"
    assert call.amount_usd == Decimal("0.0035")
    assert call.billing_mode == "unknown"


def test_everything_else_stands_in_the_row(bring: Any, calls: Any, lines: Any) -> None:
    told = {
        **GIVEN,
        "provider": "openai",
        "project": "swe",
        "session": "s",
        "task": "t",
        "agent": "coder",
        "action": "step",
        "trigger": "cron",
        "tags": {"customer": "acme"},
        "usage": {
            "input_tokens": 1000,
            "cache_read_tokens": 400,
            "output_tokens": 100,
            "reasoning_tokens": 20,
            "extra": {"web_search": 2},
        },
        "context": {"processing": "batch", "service_tier": "default"},
        "status": "error",
        "error_type": "Timeout",
        "finish_reason": "stop",
        "duration_ms": 4100,
        "attempts": 2,
        "verifier": "edit",
        "request_hash": "a",
        "response_hash": "b",
        "tool_calls": [{"name": "bash", "args_hash": "x"}],
        "tool_results": [{"tool_call_id": "1", "seconds": 0.5}],
        "billed_usd": "0.017228",
        "not_ours": 1,
    }
    bring("jsonl", lines(told))
    (call,) = calls()
    for name in ("provider", "project", "session", "task", "agent", "action", "trigger", "tags",
                 "status", "error_type", "finish_reason", "duration_ms", "attempts", "verifier",
                 "request_hash", "response_hash"):  # fmt: skip
        assert getattr(call, name) == told[name], name
    assert list(call.tool_calls) == told["tool_calls"]
    assert list(call.tool_results) == told["tool_results"]
    assert (call.processing, call.service_tier) == ("batch", "default")
    assert (call.reasoning_tokens, call.extra) == (20, {"web_search": 2})
    assert call.amount_usd == Decimal("0.017228")
    assert call.billed_source == "provider"
    assert call.cost_pico is not None
    assert call.cost_pico != call.billed_pico


def test_again_changes_nothing_and_a_change_corrects(bring: Any, calls: Any, lines: Any) -> None:
    other = {**GIVEN, "id": "run7/4"}
    bring("jsonl", lines(GIVEN, other))
    again = bring("jsonl", lines(GIVEN, other))
    assert (again.new, again.corrected, again.unchanged) == (0, 0, 2)
    dearer = {**GIVEN, "usage": {"input_tokens": 2000, "output_tokens": 100}}
    changed = bring("jsonl", lines(dearer, other, {**GIVEN, "id": "run7/5"}))
    assert (changed.new, changed.corrected, changed.unchanged) == (1, 1, 1)
    assert [call.input_tokens for call in calls()] == [2000, 1000, 1000]


def test_the_same_id_from_another_source_is_another_call(
    bring: Any, calls: Any, lines: Any
) -> None:
    bring("jsonl", lines(GIVEN))
    bring("jsonl", lines(GIVEN), source="other", project="p", billing="metered")
    assert {(c.source, c.project, c.billing_mode) for c in calls()} == {
        ("jsonl", None, "unknown"),
        ("other", "p", "metered"),
    }


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("{", "not JSON"),
        ("[1]", "must be an object"),
        ({**GIVEN, "id": None}, "id: missing"),
        ({**GIVEN, "id": 7}, "id: must be a text"),
        ({**GIVEN, "time": "yesterday"}, "time: must be like"),
        ({**GIVEN, "usage": {"prompt_tokens": 3}}, "usage.prompt_tokens: unknown"),
        ({**GIVEN, "usage": {"input_tokens": "3"}}, "usage.input_tokens: must be a whole number"),
        ({**GIVEN, "usage": {"input_tokens": True}}, "usage.input_tokens: must be a whole number"),
        ({**GIVEN, "usage": {"input_tokens": 10**30}}, "usage.input_tokens: must be"),
        ({**GIVEN, "usage": 5}, "usage: must be an object"),
        ({**GIVEN, "usage": {"extra": 5}}, "usage.extra: must be an object"),
        ({**GIVEN, "context": {"speed": "fast"}}, "context.speed: unknown"),
        ({**GIVEN, "attempts": 0}, "attempts: must be at least 1"),
        ({**GIVEN, "duration_ms": -1}, "duration_ms: must be at least 0"),
        ({**GIVEN, "status": "fine"}, "status: must be one of ok"),
        ({**GIVEN, "verifier": "x"}, "verifier: must be one of schema"),
        ({**GIVEN, "billed_usd": "much"}, "billed_usd: must be an amount"),
        ({**GIVEN, "billed_usd": float("nan")}, "billed_usd: must be an amount"),
        ({**GIVEN, "tags": {"a": 1}}, "tags: must be an object of texts"),
        ({**GIVEN, "tool_calls": ["bash"]}, "tool_calls: must be a list of objects"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_bad_line_costs_itself(
    bring: Any, calls: Any, lines: Any, told: Any, reason: str
) -> None:
    path = lines(GIVEN, "", told, {**GIVEN, "id": "last"})
    summary = bring("jsonl", path)
    (rejected,) = summary.rejected
    assert (rejected.line, rejected.file) == (3, str(path))
    assert reason in rejected.reason
    assert [call.id for call in calls()] == ["run7/3", "last"]


def test_bytes_that_are_not_utf8_cost_their_line(bring: Any, calls: Any, lines: Any) -> None:
    path = lines(GIVEN, {**GIVEN, "id": "b", "project": "X"})
    path.write_bytes(path.read_bytes().replace(b'"X"', b'"\xff\xfe"'))
    assert [r.line for r in bring("jsonl", path).rejected] == [2]
    assert len(calls()) == 1


def test_half_a_surrogate_is_kept_as_text(bring: Any, calls: Any, lines: Any) -> None:
    bring("jsonl", lines(json.dumps({**GIVEN, "project": "\ud800a"})))
    (call,) = calls()
    assert call.project is not None
    assert "a" in call.project


def test_impossible_usage_is_kept_and_marked(bring: Any, calls: Any, lines: Any) -> None:
    usage = {"input_tokens": 10, "output_tokens": 5, "reasoning_tokens": 6}
    assert bring("jsonl", lines({**GIVEN, "usage": usage})).rejected == []
    (call,) = calls()
    assert call.cost_state == "unpriced"
    assert list(call.problems) == ["reasoning_tokens (6) exceed output_tokens (5)"]


def test_gz_and_standard_input(
    bring: Any, calls: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = tmp_path / "a.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps(GIVEN).encode() + b"\n"))
    assert bring("jsonl", packed).new == 1
    for name, written in (("piped", bytes), ("packed", gzip.compress)):
        stream = io.BytesIO(written(json.dumps({**GIVEN, "id": name}).encode()))
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BufferedReader(stream)))
        assert bring("jsonl", Path("-")).new == 1
    assert {call.id for call in calls()} == {"run7/3", "piped", "packed"}


def test_a_damaged_gz_is_named(bring: Any, tmp_path: Path) -> None:
    packed = tmp_path / "a.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps(GIVEN).encode())[:-9])
    (rejected,) = bring("jsonl", packed).rejected
    assert rejected.file == str(packed)


def test_dry_run_books_nothing_and_says_what_would_be(bring: Any, calls: Any, lines: Any) -> None:
    bring("jsonl", lines(GIVEN))
    changed = {**GIVEN, "usage": {"input_tokens": 1}}
    path = lines(GIVEN, {**GIVEN, "id": "b"})
    summary = bring("jsonl", path, dry_run=True)
    assert (summary.read, summary.new, summary.unchanged) == (2, 1, 1)
    assert bring("jsonl", lines(changed), dry_run=True).corrected == 1
    assert len(calls()) == 1


def test_a_dry_run_asks_the_ledger_once_a_batch(
    bring: Any, ledger: Any, lines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def calls_of(self: Any, ids: Any, source: str = "live") -> Any:
        asked.append(len(ids))
        return {}

    monkeypatch.setattr(type(ledger), "calls_of", calls_of)
    monkeypatch.setattr(_job, "BATCH", 4)
    told = [{**GIVEN, "id": f"c{n}"} for n in (1, 2, 3, 4, 4, 5)]
    summary = bring("jsonl", lines(*told), dry_run=True)
    assert asked == [4, 2]
    assert (summary.read, summary.new, summary.unchanged) == (6, 5, 1)


def test_a_pipe_is_read_as_a_file_is(bring: Any, calls: Any, tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writing = threading.Thread(target=path.write_text, args=(json.dumps(GIVEN),))
    writing.start()
    assert bring("jsonl", path).new == 1
    writing.join()


def test_a_torn_gz_gives_the_lines_before_the_tear(bring: Any, tmp_path: Path) -> None:
    path = tmp_path / "torn.jsonl.gz"
    told = "\n".join(json.dumps({**GIVEN, "id": os.urandom(20).hex()}) for _ in range(2000))
    path.write_bytes(gzip.compress(told.encode())[:-2000])
    summary = bring("jsonl", path)
    assert 1500 < summary.new < 2000
    assert "ended before" in summary.rejected[-1].reason
