"""`finops drain` and `finops ledger`, as a person and as a program runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from finops_pack import cli, config
from finops_pack.ledger import _lock, ledger_id, open_ledger, sqlite_path
from finops_pack.ledger.spool import Spool, encode
from finops_pack.model import Where


def url() -> str:
    return config.load().ledger


def record(*ids: str) -> None:
    spool = Spool(ledger_id(url()))
    for call_id in ids:
        assert spool.append(
            encode({"type": "call", "id": call_id, "start_us": 10**15, "cost_pico": 5})
        )


def document(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code = cli.main([*words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def calls(where: str | None = None) -> int:
    ledger = open_ledger(where or url())
    try:
        return ledger.totals(None, Where())[0].calls
    finally:
        ledger.close()


def test_drain_books_what_waits(capsys: pytest.CaptureFixture[str]) -> None:
    record("a", "b")
    code, told = document(capsys, "drain")
    assert code == 0
    assert told["schema"] == "finops.drain"
    assert (told["booked_lines"], told["pending_lines"]) == (2, 0)
    assert calls() == 2
    assert cli.main(["drain"]) == 0
    assert "booked 0 lines" in capsys.readouterr().out


def test_drain_says_when_it_cannot(capsys: pytest.CaptureFixture[str]) -> None:
    assert calls() == 0
    record("a")
    held = os.open(sqlite_path(url()) + ".lock", os.O_RDWR)
    assert _lock.take(held)
    code, told = document(capsys, "drain", "--timeout", "0.1")
    os.close(held)
    assert (code, told["pending_lines"]) == (3, 1)


def test_follow_goes_on_until_it_is_told_to_stop() -> None:
    command = [sys.executable, "-m", "finops_pack", "drain", "--follow", "--json"]
    follower = subprocess.Popen(command, stdout=subprocess.PIPE)
    until = time.monotonic() + 20
    record("a")
    while calls() < 1:
        assert time.monotonic() < until
        time.sleep(0.1)
    record("b")
    follower.send_signal(signal.SIGTERM)
    out, _ = follower.communicate(timeout=20)
    assert follower.returncode == 0
    assert json.loads(out)["pending_lines"] == 0
    assert calls() == 2


def test_check_and_rebuild(capsys: pytest.CaptureFixture[str]) -> None:
    record("a")
    cli.main(["drain"])
    capsys.readouterr()
    assert document(capsys, "ledger", "check")[1]["sound"] is True
    ledger = open_ledger(url())
    with ledger._write() as db:  # type: ignore[attr-defined]
        db.run("UPDATE by_day SET calls = 7")
    code, told = document(capsys, "ledger", "check")
    assert (code, told["sound"], len(told["faults"])) == (1, False, 1)
    code, told = document(capsys, "ledger", "rebuild", "--tz", "Europe/Vienna")
    assert (code, told["time_zone"]) == (0, "Europe/Vienna")
    assert cli.main(["ledger", "check"]) == 0
    assert "is sound" in capsys.readouterr().out
    code, told = document(capsys, "ledger", "rebuild", "--tz", "Europe/Wien")
    assert (code, told["schema"]) == (2, "finops.error")


def test_copy(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    record("a", "b")
    assert calls() == 0, "a ledger is there, its calls are not booked yet"
    target = str(tmp_path / "copy.db")
    code, told = document(capsys, "ledger", "copy", url(), target)
    assert code == 0
    assert (told["new"], told["unchanged"], told["differing"]) == (2, 0, [])
    assert calls(target) == 2
    assert cli.main(["ledger", "copy", url(), target]) == 0
    assert "2 as before" in capsys.readouterr().out
    assert cli.main(["ledger", "copy", str(tmp_path / "none.db"), target]) == 3


@pytest.mark.parametrize("what", ["check", "rebuild"])
def test_a_ledger_that_is_not_there_is_not_sound(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mistyped.db"
    assert cli.main(["ledger", what, "--ledger", str(path)]) == 3
    assert f"there is no ledger at {path}" in capsys.readouterr().err
    assert not path.exists()
