"""An import that has nothing to do is answered from a note, and only then."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finops_pack import again, config, recorder
from finops_pack.cli import main
from finops_pack.ledger import open_ledger
from finops_pack.model import BillingMode, Where

LONG_AGO = 1_700_000_000
WORDS = ["import", "claude-code"]


def transcript(path: Path, *names: str) -> Path:
    """A call for each name; as if it had been written long ago, like all folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        for name in names:
            usage = {"input_tokens": 1, "output_tokens": 2}
            message = {"id": name, "model": "claude-opus-4-6", "content": [], "usage": usage}
            told = {"type": "assistant", "timestamp": "2026-02-11T20:00:00Z", "message": message}
            file.write(json.dumps(told) + "\n")
    return path


def age(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (LONG_AGO, LONG_AGO))


@pytest.fixture
def logs(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One project with one session, in the usual place; the work is done elsewhere."""
    work = empty_home / "work" / "shop"
    work.mkdir(parents=True)
    monkeypatch.chdir(work)
    projects = empty_home / ".claude" / "projects"
    transcript(projects / "-home-me" / "s.jsonl", "a", "b")
    age(projects)
    return projects


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What `finops` says to these words, each time as a new process would."""

    def run(*words: str) -> str:
        config.reload()
        capsys.readouterr()
        assert main(list(words)) == 0
        recorder.close()
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("flags", [(), ("--json",), ("--billing", "subscription")])
def test_the_note_says_what_the_import_would(
    logs: Path, say: Callable[..., str], flags: tuple[str, ...]
) -> None:
    first = say(*WORDS, *flags)
    noted = again.answer([*WORDS, *flags])
    again.forget("claude-code")
    assert noted is not None
    assert say(*WORDS, *flags) == noted + "\n" != first


def test_an_import_that_began_before_another_one_leaves_no_note(
    logs: Path, say: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "import sys; from finops_pack.cli import main; main(sys.argv[1:])"
    root = {**os.environ, "PYTHONPATH": str(Path(again.__file__).parent.parent)}
    really = again.leave

    def overtaken(*said: Any) -> None:
        subprocess.run([sys.executable, "-c", other, *WORDS], env=root, check=True)
        really(*said)

    monkeypatch.setattr(again, "leave", overtaken)
    say(*WORDS)
    assert again.answer(WORDS) is None


def test_it_needs_none_of_our_modules(logs: Path, say: Callable[..., str]) -> None:
    say(*WORDS)
    code = (
        "import sys; from finops_pack.cli import main; code = main(sys.argv[1:]);"
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    command = [sys.executable, "-c", code, *WORDS]
    root = {**os.environ, "PYTHONPATH": str(Path(again.__file__).parent.parent)}
    for _ in range(2):  # the first has an environment of its own, so it leaves a new note
        done = subprocess.run(command, env=root, capture_output=True, text=True, check=True)
    assert done.stdout == "nothing new in 1 file\n"
    ours = {name for name in done.stderr.split() if name.startswith("finops_pack")}
    assert ours == {"finops_pack", "finops_pack.cli", "finops_pack.again", "finops_pack.places"}
    assert not {"argparse", "typing", "pathlib", "json", "re"} & set(done.stderr.split())


def grown(logs: Path) -> None:
    transcript(logs / "-home-me" / "s.jsonl", "c")


def written_anew(logs: Path) -> None:
    path = logs / "-home-me" / "s.jsonl"
    path.write_text(path.read_text().replace('"a"', '"z"'))


def a_new_session(logs: Path) -> None:
    transcript(logs / "-home-me" / "subagents" / "t.jsonl", "c")


def a_new_project(logs: Path) -> None:
    transcript(logs / "-home-you" / "t.jsonl", "c")


def another_usual_place(logs: Path) -> None:
    home = logs.parent.parent
    transcript(home / ".config" / "claude" / "projects" / "-home-me" / "t.jsonl", "c")


CHANGES = (grown, written_anew, a_new_session, a_new_project, another_usual_place)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_in_the_logs_is_read(
    logs: Path, say: Callable[..., str], change: Callable[[Path], None]
) -> None:
    say(*WORDS)
    assert again.answer(WORDS) == "nothing new in 1 file"
    change(logs)
    assert again.answer(WORDS) is None
    assert "1 new" in say(*WORDS)


def test_what_is_gone_is_noticed(logs: Path, say: Callable[..., str]) -> None:
    say(*WORDS)
    shutil.rmtree(logs / "-home-me")
    assert again.answer(WORDS) is None


def test_another_ledger_is_filled(
    logs: Path, say: Callable[..., str], empty_home: Path, tmp_path: Path
) -> None:
    say(*WORDS)
    flag = ["--ledger", str(tmp_path / "other.db")]
    assert again.answer([*WORDS, *flag]) is None
    (empty_home / "work" / "finops.toml").write_text('ledger = "other.db"\n')  # above us
    assert again.answer(WORDS) is None
    (empty_home / "work" / "finops.toml").unlink()
    say(*WORDS)
    assert again.answer(WORDS) is not None
    for path in (empty_home / ".local/state/finops").glob("ledger.db*"):
        path.unlink()
    assert again.answer(WORDS) is None
    open_ledger(config.load().ledger).close()
    assert again.answer(WORDS) is None
    assert "2 new" in say(*WORDS)


def test_the_environment_and_the_place_count(
    logs: Path, say: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    say(*WORDS)
    with monkeypatch.context() as other:
        other.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
        assert again.answer(WORDS) is None
    with monkeypatch.context() as other:
        other.chdir(tmp_path)
        assert again.answer(WORDS) is None
    assert again.answer(WORDS) is not None


def test_the_environment_itself_is_not_written_down(
    logs: Path, say: Callable[..., str], monkeypatch: pytest.MonkeyPatch, empty_home: Path
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-secret-of-mine")
    say(*WORDS)
    assert again.answer(WORDS) is not None
    kept = [path for path in (empty_home / ".local").rglob("*") if path.is_file()]
    assert not [path for path in kept if b"sk-secret-of-mine" in path.read_bytes()]


def test_who_pays_can_be_said_anew(logs: Path, say: Callable[..., str]) -> None:
    payers: tuple[BillingMode, ...] = ("subscription", "metered", "subscription")
    for payer in payers:
        say(*WORDS, "--billing", payer)
        ledger = open_ledger(config.load().ledger)
        assert len([*ledger.calls(Where(billing=payer))]) == 2
        ledger.close()


def test_what_changed_just_now_may_change_again_unseen(logs: Path, say: Callable[..., str]) -> None:
    (logs / "-home-me" / "s.jsonl").touch()
    say(*WORDS)
    assert again.answer(WORDS) is None


def test_what_was_rejected_is_tried_again(logs: Path, say: Callable[..., str]) -> None:
    with (logs / "-home-me" / "s.jsonl").open("a") as file:
        file.write('{"type": "assistant", "message": {"usage": 1}}\n')
    age(logs)
    say(*WORDS)
    assert again.answer(WORDS) is None


def test_a_folder_that_cannot_be_listed_leaves_no_note(
    logs: Path, say: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, shut = os.scandir, logs / "-home-me"

    def scandir(path: str) -> Any:
        if Path(path) == shut:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    with monkeypatch.context() as locked:
        locked.setattr("os.scandir", scandir)
        assert "1 rejected" in say(*WORDS)
    assert again.answer(WORDS) is None
    assert "2 new" in say(*WORDS)


def test_a_working_folder_that_is_gone(logs: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(Path(again.__file__).parent.parent)}
    shell = f"cd {gone} && rmdir {gone} && {sys.executable} -m finops_pack import claude-code"
    done = subprocess.run(["sh", "-c", shell], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "2 new" in done.stdout


def test_whoever_reads_the_answer_may_be_gone(logs: Path) -> None:
    root = str(Path(again.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": root, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "finops_pack", *WORDS]
    subprocess.run(command, env=environment, capture_output=True, check=True)
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        command, env=environment, stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_another_import_under_the_same_source_drops_the_note(
    logs: Path, say: Callable[..., str], tmp_path: Path
) -> None:
    say(*WORDS)
    assert again.answer(WORDS) is not None
    log = tmp_path / "x.jsonl"
    log.touch()
    say("import", "codex", str(log), "--source", "claude-code", "--billing", "metered")
    assert again.answer(WORDS) is None


@pytest.mark.parametrize(
    "words", [["import"], ["import", ""], ["import", "a\0b"], ["import", ".."]]
)
def test_words_that_name_nothing_have_no_answer(words: list[str], empty_home: Path) -> None:
    assert again.answer(words) is None


@pytest.mark.parametrize("cut", [0, 1, 3, 4, 5, -1])
def test_half_a_note_is_no_note(logs: Path, say: Callable[..., str], cut: int) -> None:
    say(*WORDS)
    note = config.state_dir() / "imports" / "claude-code"
    whole = note.read_bytes().split(b"\0")
    note.write_bytes(b"\0".join(whole[:cut]))
    transcript(logs / "-home-me" / "s.jsonl", "c")
    assert again.answer(WORDS) is None
    note.write_bytes(os.urandom(200))
    assert again.answer(WORDS) is None
