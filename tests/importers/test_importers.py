"""What holds for every importer that is found."""

from __future__ import annotations

import errno
import gzip
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finops_pack import importers
from finops_pack.errors import ConfigError, InputError
from finops_pack.importers import Options, Rejected, State, _lines, otlp
from finops_pack.importers._lines import why

NAMES = importers.names()


def test_the_importers_that_are_there() -> None:
    assert NAMES == [
        "aider", "anthropic-batch", "claude-code", "codex", "gemini-cli", "jsonl", "openai-batch",
        "opencode", "otlp",
    ]  # fmt: skip
    with pytest.raises(InputError, match="no importer 'clod'"):
        importers.load("clod")


@pytest.mark.parametrize("name", NAMES)
def test_an_importer_keeps_the_contract(name: str, tmp_path: Path) -> None:
    importer = importers.load(name)
    assert name == importer.NAME
    assert importer.HELP
    assert importer.__doc__
    assert isinstance(importer.AGENT, bool)
    assert importers.present(importer) == []  # an empty home has no logs
    assert list(importer.files(tmp_path / "none")) == []
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    assert list(importer.files(empty)) == [empty]
    assert list(importer.read(empty, State())) == []


def test_what_cannot_be_read_below_a_folder_is_named_and_stops_nothing(
    bring: Any, lines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lines({"event": "exit"}).parent
    (folder / "loop.jsonl").symlink_to(folder / "loop.jsonl")
    os.mkfifo(folder / "pipe.jsonl")  # nobody will ever write into it
    closed = folder / "closed"
    closed.mkdir()
    scan = os.scandir

    def refused(path: Any) -> Any:
        if Path(path) == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refused)
    summary = bring("aider", folder)
    named = {Path(rejected.file).name for rejected in summary.rejected}
    assert (summary.files, named) == (3, {"loop.jsonl", "closed"})
    assert summary.skipped == 0
    assert bring("aider", folder).skipped == 1


@pytest.mark.parametrize("error", [TypeError("'int' is not iterable"), AttributeError("no 'get'")])
def test_a_reason_is_in_words(error: Exception) -> None:
    assert why(error) == "a value in it is of another kind than this log has there"


@pytest.mark.parametrize("name", NAMES)
def test_a_path_that_is_not_there_is_said(name: str, ledger: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        importers.run(importers.load(name), [tmp_path / "none"], Options())


def test_a_disabled_recorder_imports_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from finops_pack import config, recorder

    recorder.close()
    monkeypatch.setenv("FINOPS_DISABLE", "1")
    config.reload()
    with pytest.raises(ConfigError, match="FINOPS_DISABLE"):
        importers.run(importers.load("jsonl"), [tmp_path], Options())
    recorder.close()


def test_a_file_that_cannot_be_read_is_named(bring: Any, lines: Any, tmp_path: Path) -> None:
    good = lines({"id": "a", "time": "2026-01-01T00:00:00Z", "model": "m", "usage": {}})
    bad = tmp_path / "logs" / "z.jsonl"
    bad.symlink_to(bad)  # a loop
    summary = bring("jsonl", good)
    assert summary.new == 1
    with pytest.raises(InputError):
        bring("jsonl", bad)


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("jsonl", "a.jsonl"),
        ("jsonl", "a.jsonl.gz"),
        ("claude-code", "a.jsonl"),
        ("codex", "rollout-a.jsonl"),
        ("gemini-cli", "session-a.json"),
        ("opencode", "msg_a.json"),
        ("otlp", "a.jsonl"),
    ],
)
def test_a_file_without_an_end_fills_no_memory(
    what: str, name: str, bring: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_lines, "LONGEST", 2**20)
    path = tmp_path / name
    with gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb") as file:
        file.write(b"[" * (20 * 2**20))
    (rejected,) = bring(what, path).rejected
    assert "more than 1 MiB in one piece" in rejected.reason


def test_traces_without_an_end_are_lines(lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "LONGEST", 10)
    path = lines("{", *[{"resourceSpans": []}] * 4, "}")
    found = list(otlp.read(path, State()))
    assert [item.line for item in found if isinstance(item, Rejected)] == [1, 6]


SAMPLES = [
    {"id": "a", "time": "2026-01-01T00:00:00Z", "model": "gpt-4o", "usage": {"input_tokens": 5},
     "tags": {"a": "b"}, "tool_calls": [{"name": "x"}], "billed_usd": "0.1"},
    {"type": "assistant", "sessionId": "s", "requestId": "r", "timestamp": "2026-01-01T00:00:00Z",
     "uuid": "u", "cwd": "/a/b", "message": {"id": "m", "model": "claude-opus-4-6",
     "content": [{"type": "tool_use", "id": "t", "name": "Bash", "input": {"a": 1}}],
     "usage": {"input_tokens": 1, "output_tokens": 2, "cache_creation": {}}}},
    {"type": "user", "sessionId": "s", "timestamp": "2026-01-01T00:00:00Z", "uuid": "v",
     "message": {"content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]}},
    {"type": "session_meta", "timestamp": "2026-01-01T00:00:00Z", "payload": {"id": "s"}},
    {"type": "event_msg", "timestamp": "2026-01-01T00:00:00Z", "payload": {"type": "token_count",
     "info": {"total_token_usage": {"input_tokens": 3, "output_tokens": 4}}}},
    {"sessionId": "s", "messages": [{"id": "m", "type": "gemini", "model": "gemini-2.5-pro",
     "timestamp": "2026-01-01T00:00:00Z", "tokens": {"input": 3, "output": 1}}]},
    {"id": "b", "response": {"body": {"model": "gpt-4o", "created": 1, "usage": {
     "prompt_tokens": 3}, "choices": [{"finish_reason": "stop"}]}}},
    {"custom_id": "c", "result": {"type": "succeeded", "message": {"id": "m", "model": "c",
     "usage": {"input_tokens": 3}}}},
    {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "t", "spanId": "s",
     "startTimeUnixNano": "1", "endTimeUnixNano": "2", "attributes": [
     {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-4o"}},
     {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "5"}}]}]}]}]},
]  # fmt: skip
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
ODD: list[Any] = [
    None, True, -1, 2**70, 0.5, float("nan"), "", "\ud800", "\0", "x" * 5000, [], [[]], {},
    {"a": 1},
]  # fmt: skip


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value inside a document."""
    inside = list(value.items()) if isinstance(value, dict) else []
    inside += list(enumerate(value)) if isinstance(value, list) else []
    return [way, *(place for key, inner in inside for place in places(inner, (*way, key)))]


def changed(document: Any, way: tuple[Any, ...], junk: Any) -> Any:
    """A copy with something else at the end of the way."""
    if not way:
        return junk
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[way[0]] = changed(copy[way[0]], way[1:], junk)
    return copy


def malformed(rng: random.Random, junk: Any) -> bytes:
    """A line: right but for one value, cut, with a byte changed, or no JSON at all."""
    sample = rng.choice(SAMPLES)
    kind = rng.choice(("value", "value", "cut", "byte", "noise"))
    if kind == "value":
        sample = changed(sample, rng.choice(places(sample)), junk)
    line = json.dumps(sample, separators=(",", ":")).encode()
    at = rng.randrange(len(line))
    if kind == "cut":
        line = line[:at]
    if kind == "byte":
        line = line[:at] + rng.randbytes(2) + line[at + 1 :]
    if kind == "noise":
        line = rng.randbytes(30)
    return line.replace(b"\n", b" ")


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(), JUNK)
def test_nothing_that_a_line_holds_raises(tmp_path: Path, seed: int, junk: Any) -> None:
    path = tmp_path / "wrong.jsonl"
    path.write_bytes(malformed(random.Random(seed), junk) + b"\n")
    for name in NAMES:
        importer, state = importers.load(name), State()
        for read in (importer.read, getattr(importer, "details", importer.read)):
            for item in read(path, state):
                assert isinstance(item, Rejected) or item["type"] in ("call", "amend", "task")


def test_ten_thousand_malformed_lines(bring: Any, calls: Any, tmp_path: Path) -> None:
    """Every importer reads them all: nothing raises, the good lines in between are kept."""
    rng, path = random.Random(0), tmp_path / "wrong.jsonl"
    good = [json.dumps({**SAMPLES[0], "id": f"good{n}"}).encode() for n in range(100)]
    wrong = [malformed(rng, rng.choice(ODD)) for _ in range(10_000)]
    path.write_bytes(b"\n".join(line for n in range(100) for line in (good[n], *wrong[n::100])))
    for name in NAMES:
        summary = bring(name, path)
        assert summary.rejected
        assert all(r.reason and "\n" not in r.reason for r in summary.rejected)
    kept = {call.id for call in calls() if call.source == "jsonl"}
    assert {f"good{n}" for n in range(100)} <= kept


def test_rejected_lines_say_where(bring: Any, lines: Any) -> None:
    path = lines(*["{"] * 3)
    assert [r.to_dict() for r in bring("jsonl", path).rejected][1]["line"] == 2
    assert Rejected(1, "why", "f").to_dict() == {"file": "f", "line": 1, "reason": "why"}


def test_batches_are_booked_whole_and_in_order(bring: Any, calls: Any, lines: Any) -> None:
    numbers = list(range(4500))
    random.Random(1).shuffle(numbers)
    told = ({**SAMPLES[0], "id": str(n)} for n in numbers)
    assert bring("jsonl", lines(*told)).new == 4500
    assert len(calls()) == 4500
