"""`finops export` and `finops reconcile`, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finops_pack import recorder
from finops_pack.cli import main
from finops_pack.model import Usage


@pytest.fixture
def recorded(tmp_path: Path) -> Any:
    url = str(tmp_path / "ledger.db")
    made = recorder.configure(ledger=url)
    made.record(model="gpt-4o", provider="openai", usage=Usage(1000, 100), action="ask")
    made.record(model="nobody-knows", usage=Usage(5, 5))
    recorder.close()
    return url


def test_to_a_file(recorded: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "out.csv"
    assert main(["export", "focus", "-o", str(path), "--ledger", recorded]) == 0
    told = capsys.readouterr()
    assert told.out == f"{path}: 2 calls, 2 rows\n"
    assert "1 unpriced call left out" in told.err
    assert len(path.read_text().splitlines()) == 3
    assert main(["export", "csv", "-o", str(path), "--ledger", recorded, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["calls"], document["unpriced_calls"]) == (
        "finops.export", 2, 1,
    )  # fmt: skip
    assert not list(tmp_path.glob("*.part"))


def test_the_help_says_that_flat_plans_are_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "flat plans (subscription) are in it, with nothing billed" in said
    assert "left out unless" not in said


def test_to_standard_output(recorded: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "otel", "--ledger", recorded]) == 0
    spans = json.loads(capsys.readouterr().out)["resourceSpans"]
    assert len(spans) == 1
    assert main(["export", "otel", "--json", "--ledger", recorded]) == 2
    capsys.readouterr()
    assert main(["export", "otel", "-o", "-", "--ledger", recorded]) == 0
    assert json.loads(capsys.readouterr().out)["resourceSpans"] == spans


def test_a_place_that_cannot_be_written(
    recorded: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "none" / "out.csv"
    assert main(["export", "csv", "-o", str(target), "--ledger", recorded]) == 2
    assert "No such file" in capsys.readouterr().err
