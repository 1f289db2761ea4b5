"""The demo shows what it promises, and touches nothing of the user's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import finops_pack
from finops_pack.cli import main


def test_the_whole_thing(empty_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (empty_home / ".claude" / "projects").mkdir(parents=True)
    assert main(["demo"]) == 0
    shown = capsys.readouterr().out
    for text in (
        "$ finops\n",
        "$ finops spend --by action",
        "search_notes",
        "$ finops waste",
        "2 attempts failed before 1 request got through",
        "called a tool or argument that does not exist",
        "$ finops report",
        "finops import claude-code",
        "finops run -- python your_agent.py",
    ):
        assert text in shown
    assert not (empty_home / ".local").exists()


def test_as_a_document(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def answer() -> dict[str, int]:
        finops_pack.record(model="gpt-4o", usage=finops_pack.Usage(1000, 100), action="model")
        finops_pack.flush()
        return {"answered": 1, "http_requests": 1}

    monkeypatch.setattr("finops_pack.cli.demo._answer", answer)
    assert main(["demo", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["schema"], shown["answered"]) == ("finops.demo", 1)
    (row,) = shown["spend"]["rows"]
    assert (row["key"], row["cost_usd"]) == ("model", "0.0035")
    assert shown["waste"]["total_cost_usd"] == "0.0035"


def test_without_the_frameworks_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("finops_pack.cli.demo.find_spec", lambda name: None)
    assert main(["demo"]) == 2
    assert "pip install langchain" in capsys.readouterr().err
