"""`finops import`, as a user types it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from finops_pack import recorder
from finops_pack.cli import import_, main

GOOD = {"id": "a", "time": "2026-01-01T00:00:00Z", "model": "gpt-4o", "usage": {"input_tokens": 9}}


@pytest.fixture
def ledger_flag(tmp_path: Path) -> list[str]:
    return ["--ledger", str(tmp_path / "flag.db")]


def test_json_is_the_document_of_the_details(
    lines: Any, ledger_flag: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = lines(GOOD, "{")
    assert main(["import", "jsonl", str(path), "--json", *ledger_flag]) == 0
    told = capsys.readouterr()
    (rejected,) = json.loads(told.out).pop("rejected")
    assert (rejected["file"], rejected["line"]) == (str(path), 2)
    assert {k: v for k, v in json.loads(told.out).items() if k != "rejected"} == {
        "schema": "finops.import", "version": 1, "read": 1, "new": 1, "corrected": 0,
        "unchanged": 0,
    }  # fmt: skip
    assert f"{path}:2: not JSON" in told.err


def test_strict_is_exit_code_2_with_the_good_lines_kept(
    lines: Any, ledger_flag: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = lines(GOOD, *["{"] * 12)
    assert main(["import", "jsonl", str(path), "--strict", *ledger_flag]) == 2
    told = capsys.readouterr()
    assert "1 new" in told.out
    assert len(told.err.splitlines()) == 11
    assert told.err.splitlines()[-1] == "… and 2 more lines rejected"


def test_strict_says_it_of_a_file_that_was_read_before_too(
    lines: Any, ledger_flag: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    message = {"id": "m", "model": "claude-opus-4-6", "usage": {"output_tokens": 2}}
    record = {"type": "assistant", "timestamp": "2026-02-11T20:00:00Z", "message": message}
    words = ["import", "claude-code", str(lines(record, "{")), *ledger_flag]
    assert [main([*words, *flag]) for flag in ([], [], ["--strict"], ["--strict"])] == [0, 0, 2, 2]
    told = capsys.readouterr()
    assert told.err.count(":2: not JSON") == 3
    assert told.out.count("nothing new in 1 file") == 1
    assert told.out.count("0 new, 1 known, 1 rejected") == 2


def test_a_folder_without_such_logs_is_said_to_have_none(
    tmp_path: Path, ledger_flag: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", "codex", str(tmp_path), *ledger_flag]) == 0
    assert capsys.readouterr().out == "no such logs found: 0 files\n"


def test_the_usual_place_and_an_honest_word_on_who_pays(
    empty_home: Path, ledger_flag: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", "claude-code", *ledger_flag]) == 2
    assert "no logs found in the usual place" in capsys.readouterr().err
    folder = empty_home / ".claude" / "projects" / "-home-me"
    folder.mkdir(parents=True)
    usage = {"input_tokens": 1, "output_tokens": 2}
    message = {"id": "m", "model": "claude-opus-4-6", "content": [], "usage": usage}
    record = {"type": "assistant", "timestamp": "2026-02-11T20:00:00Z", "message": message}
    (folder / "s.jsonl").write_text(json.dumps(record) + "\n")
    again = f"finops import claude-code --ledger {ledger_flag[1]} --billing subscription\n"
    assert main(["import", "claude-code", "--dry-run", *ledger_flag]) == 0
    assert again in capsys.readouterr().out, "a dry run would not keep the answer"
    assert main(["import", "claude-code", *ledger_flag]) == 0
    told = capsys.readouterr().out
    assert "1 call in 1 file: 1 new" in told
    assert "so they count as spent" in told
    assert again in told
    assert f"finops spend --by project --since 2026-02-11 --ledger {ledger_flag[1]}\n" in told
    assert main(["import", "claude-code", "--billing", "subscription", *ledger_flag]) == 0
    assert "so they count as spent" not in capsys.readouterr().out
    assert main(["import", "claude-code", *ledger_flag]) == 0
    told = capsys.readouterr().out
    assert "nothing new in 1 file" in told
    assert "so they count as spent" not in told


def test_who_paid_for_other_calls_before_is_said_of_new_ones(
    lines: Any, ledger_flag: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    first = str(lines(GOOD))
    assert main(["import", "jsonl", first, "--billing", "subscription", *ledger_flag]) == 0
    assert "flat plan" not in capsys.readouterr().out
    other = lines(GOOD, {**GOOD, "id": "b"})
    assert main(["import", "jsonl", str(other), *ledger_flag]) == 0
    said = "they count as a flat plan's, as was said of jsonl before; else: --billing metered"
    assert said in capsys.readouterr().out.splitlines()
    assert main(["import", "jsonl", str(other), *ledger_flag]) == 0
    assert said not in capsys.readouterr().out, "nothing new, nothing said"


def test_logs_that_have_no_usual_place_are_asked_for_by_path(
    ledger_flag: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", "jsonl", *ledger_flag]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "finops: jsonl: these have no usual place",
        "  mend: name a file or folder: finops import jsonl PATH",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_payer_is_asked_once(
    lines: Any, ledger_flag: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = {"id": "m", "model": "claude-opus-4-6", "usage": {"output_tokens": 2}}
    path = lines({"type": "assistant", "timestamp": "2026-02-11T20:00:00Z", "message": message})
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr("sys.stdin", Terminal("s\n"))
    assert main(["import", "claude-code", str(path), "--dry-run", *ledger_flag]) == 0
    assert "Who pays" not in screen.getvalue(), "nobody would keep the answer"
    assert main(["import", "claude-code", str(path), *ledger_flag]) == 0
    assert "Who pays" in screen.getvalue()
    screen.truncate(0)
    assert main(["import", "claude-code", str(path), *ledger_flag]) == 0
    assert "Who pays" not in screen.getvalue()
    recorder.close()
    from finops_pack.importers import billing_of

    assert billing_of("claude-code", ledger_flag[1]) == "subscription"


def test_without_a_name_it_says_what_there_is(
    empty_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty_home / ".codex" / "sessions").mkdir(parents=True)
    assert main(["import"]) == 0
    told = capsys.readouterr().out
    assert "claude-code" in told
    assert str(empty_home / ".codex" / "sessions") in told
    assert main(["import", "clod"]) == 2


def test_without_a_name_it_says_so_as_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "finops.importers"
    assert {one["what"]: one["found"] for one in told["importers"]}["jsonl"] == []


def test_dry_run_makes_no_ledger(
    lines: Any, ledger_flag: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", "jsonl", str(lines(GOOD)), "--dry-run", *ledger_flag]) == 0
    assert "would be read: 1 call in 1 file" in capsys.readouterr().out
    assert not Path(ledger_flag[1]).exists()


def test_dry_run_into_what_is_no_ledger_is_refused_as_the_run_would_be(
    lines: Any, ledger_flag: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path(ledger_flag[1]).write_text("somebody's thesis")
    assert main(["import", "jsonl", str(lines(GOOD)), "--dry-run", *ledger_flag]) == 3
    assert "no ledger" in capsys.readouterr().err


def test_a_place_that_cannot_be_looked_at_is_said(
    ledger_flag: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", "codex", "x" * 300, *ledger_flag]) == 2
    assert "File name too long" in capsys.readouterr().err


def test_help_is_one_line() -> None:
    assert "\n" not in import_.HELP
