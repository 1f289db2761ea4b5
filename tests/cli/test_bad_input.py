"""Whatever is handed to a command: an exit code, a document or a sentence, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from finops_pack.cli import _commands, main

ROOT = Path(__file__).parent.parent.parent
UNREADABLE = (
    "alerts", "budget", "cache", "forensics", "levers", "overview", "report", "reprice", "score",
    "spend", "task", "trend", "waste", "drain", "export csv", "ledger check", "budget set 5USD/day",
    "statusline", "watch --once", "alerts ack x", "levers accept x",
)  # fmt: skip
WRONG = (
    "spend --last x", "spend --since soon", "spend --until 2026-02-30", "spend --by nonsense",
    "spend --by tag:", "spend --limit -1", "spend --billing gold", "waste --last 1y",
    "budget set 5", "budget set", "budget rm nothing", "budget check", "budget check --cost abc",
    "budget check --model gpt-4o --input -5", "price", "price gpt-4o --input -3",
    "price gpt-4o --at never", "price gpt-4o --context bad", "rates alias nope", "rates alias a=b",
    "rates check missing.yaml", "rates check bad.yaml", "rates set x", "rates refresh",
    "import nope", "import jsonl", "import jsonl missing", "reconcile missing", "reconcile .",
    "report --date 2026-99-99", "connect --url nowhere --key-stdin", "export nope",
    "export csv -o missing/x", "task nobody", "levers accept nope", "levers accept",
    "serve --port 99999", "dashboard --port -1", "dashboard --ledger foo://x", "serve --db foo://x",
    "serve --rate 0", "serve --rate -5", "serve --rate nan", "serve --rate inf",
    "ledger rebuild --tz Nowhere/X", "ledger copy", "watch --every abc", "frob", "spend --frob",
)  # fmt: skip

TALKING = ("serve", "dashboard")
"""They have no document to give."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_text("models:\n  - x: [\n")
    return tmp_path


@pytest.mark.parametrize("words", WRONG)
def test_what_is_wrong_is_said(
    words: str, finops: Callable[..., Any], week: Path, here: Path
) -> None:
    said = finops(*words.split())
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("finops: ")


@pytest.mark.parametrize("closed", ["<&-", "<&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("words", ["budget", "reprice", "statusline", "import claude-code ."])
def test_streams_may_be_closed(words: str, closed: str, week: Path, here: Path) -> None:
    """As a daemon's child has it; standard error, where there is one, tells no fault of ours."""
    command = [sys.executable, "-m", "finops_pack", *words.split()]
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh", *command]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(shell, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no full device")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", ["budget", "--help", "spend --json"])
def test_a_full_device_is_said_in_a_line(words: str, unbuffered: str, week: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered}
    command = [sys.executable, "-m", "finops_pack", *words.split()]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert (done.returncode, done.stderr.splitlines()) == (
        2, ["finops: [Errno 28] No space left on device"],
    )  # fmt: skip


@pytest.mark.parametrize("words", [w for w in WRONG if w.split()[0] not in TALKING])
def test_and_it_is_a_document_with_json(
    words: str, finops: Callable[..., Any], week: Path, here: Path
) -> None:
    said = finops(*words.split(), "--json")
    assert said.code == 2
    assert said.json["schema"] in ("finops.error", "finops.rates.check")


@pytest.mark.parametrize("words", UNREADABLE)
def test_a_file_that_never_was_a_ledger_is_left_alone(
    words: str, finops: Callable[..., Any], here: Path
) -> None:
    mine = here / "letter.txt"
    mine.write_text("my own words " * 500)
    said = finops(*words.split(), "--json", "--ledger", "letter.txt")
    assert (said.code, said.json["code"]) in ((3, "ledger_unreachable"), (2, "bad_input"))
    assert mine.read_text().startswith("my own words")
    assert [path.name for path in here.glob("letter*")] == ["letter.txt"]


def test_a_driver_that_is_missing_is_named(
    finops: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "finops_pack.ledger.postgres", raising=False)
    said = finops("budget", "--json", "--ledger", "postgresql://nobody@127.0.0.1:1/x")
    assert (said.code, said.json["code"]) == (3, "ledger_unreachable")
    assert "[postgres]" in said.json["mend"]


def test_every_command_is_in_the_sweep() -> None:
    swept = {words.split()[0] for words in (*WRONG, *UNREADABLE)}
    left = {"demo", "doctor", "mcp", "run"}
    assert swept | left == {*_commands.commands(), "frob"}


TITLE = "\x1b]0;pwned\x07"  # what names a terminal's window; others of its kind write its clipboard
TURNED = "\u202e\u2066\u2028"  # what follows is read from the right, so $9 as another amount
NAME = f"a{TITLE}\x9b2J\rb\nc{TURNED}"


@pytest.fixture
def painted(here: Path) -> Path:
    """A ledger whose every name would steer a terminal."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    named = dict.fromkeys(("project", "agent", "action", "task", "session"), NAME)
    call = {"id": "1", "time": now, "model": f"m{TITLE}", "usage": {"input_tokens": 5}, **named}
    wrong = {**call, "usage": {TITLE: 1}}
    (here / "log.jsonl").write_text(f"{json.dumps(call)}\n{json.dumps(wrong)}\n")
    return here


def test_names_steer_no_terminal(painted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["import", "jsonl", "log.jsonl"])
    for words in (*UNREADABLE, "spend --by task", "doctor"):
        if words != "export csv":  # a file's content
            main(words.split())
    main(["task", NAME, "--why"])
    said = capsys.readouterr()
    steering = {c for c in said.out + said.err if not c.isprintable()} - {"\n", "\t"}
    assert not steering


def test_a_name_in_a_document_is_that_name(
    painted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["import", "jsonl", "log.jsonl"])
    capsys.readouterr()
    main(["spend", "--by", "agent", "--json"])
    said = capsys.readouterr().out
    assert said.removesuffix("\n").isprintable()
    assert json.loads(said)["rows"][0]["key"] == NAME


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_nor_do_they_where_rich_draws_the_table(painted: Path) -> None:
    import pty

    main(["import", "jsonl", "log.jsonl"])
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "finops_pack", "spend", "--by", "task"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "200"}
    subprocess.run(command, stdout=theirs, stderr=theirs, env=env, timeout=60)
    shown = os.read(ours, 65536)
    assert b"\x1b[1m" in shown  # what rich itself says to the terminal
    assert TITLE[:3].encode() not in shown


def test_a_name_stays_in_its_line_of_a_table(
    painted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["import", "jsonl", "log.jsonl"])
    capsys.readouterr()
    main(["spend", "--by", "task"])
    assert not any(line.startswith("c ") for line in capsys.readouterr().out.splitlines())
