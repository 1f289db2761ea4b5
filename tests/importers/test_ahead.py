"""Logs read in other processes tell the same as logs read here."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from finops_pack.importers import State, _ahead, claude_code

HERE = os.getpid()


@pytest.fixture
def logs(tmp_path: Path) -> list[Path]:
    paths = []
    for name in "abc":
        usage = {"input_tokens": 1, "output_tokens": 2}
        message = {"id": name, "model": "claude-opus-4-6", "content": [], "usage": usage}
        told = {"type": "assistant", "timestamp": "2026-02-11T20:00:00Z", "message": message}
        path = tmp_path / f"{name}.jsonl"
        path.write_text(json.dumps({**told, "cwd": f"/home/{name}"}) + "\n{'\n")
        paths.append(path)
    return paths


def fresh(logs: list[Path]) -> list[tuple[Path, State]]:
    return [(path, State()) for path in logs]


def test_the_same_in_the_same_order(logs: list[Path]) -> None:
    ours, others = fresh(logs), fresh(logs)
    here = [list(claude_code.read(*task)) for task in ours]
    there = [list(items) for items in _ahead._by_others(claude_code, others, 2)]  # type: ignore[arg-type]
    assert there == here
    assert [len(items) for items in here] == [1, 1, 1]
    assert [state.body() for _, state in others] == [state.body() for _, state in ours]
    assert [state.memory for _, state in others] == [state.memory for _, state in ours]


def test_small_logs_and_threads_stay_here(
    logs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_ahead, "_by_others", None)
    read = _ahead.read(claude_code, fresh(logs), _ahead.MANY - 1)  # type: ignore[arg-type]
    assert len([list(items) for items in read]) == 3
    monkeypatch.setattr("threading.active_count", lambda: 2)
    read = _ahead.read(claude_code, fresh(logs), _ahead.MANY)  # type: ignore[arg-type]
    assert len([list(items) for items in read]) == 3


def test_a_reader_that_dies_is_stood_in_for(
    logs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = claude_code.read

    def read(path: Path, state: State) -> Iterator[Any]:
        if os.getpid() != HERE:
            os._exit(1)
        return real(path, state)

    monkeypatch.setattr(claude_code, "read", read)
    there = [list(items) for items in _ahead._by_others(claude_code, fresh(logs), 2)]  # type: ignore[arg-type]
    assert [items[0]["response_id"] for items in there] == ["a", "b", "c"]  # type: ignore[index]


def test_what_was_read_before_a_fault_is_kept(
    logs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: Path, state: State) -> Iterator[Any]:
        yield {"type": "call"}
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(claude_code, "read", read)
    for items in _ahead._by_others(claude_code, fresh(logs), 2):  # type: ignore[arg-type]
        found = iter(items)
        assert next(found) == {"type": "call"}
        with pytest.raises(OSError, match="Input/output"):
            next(found)
