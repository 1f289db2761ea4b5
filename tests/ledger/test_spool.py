"""The write path: kept once said so, one record a line, whatever happens to folder and process."""

from __future__ import annotations

import itertools
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from zlib import crc32

import pytest

from finops_pack.ledger import _folders, _memory, _read_spool, spool
from finops_pack.ledger.spool import SUFFIX, Spool, encode
from tests.forked import Child


def lines_in(folder: Path) -> list[int]:
    """The numbers in every whole record of every spool of a folder."""
    found: list[int] = []
    for path in folder.glob(f"*{SUFFIX}"):
        with path.open("rb") as file:
            piece = _read_spool.read(file.fileno(), 0, 10**9)
            assert piece.bad == 0
            found.extend(line["n"] for line in piece.lines)
    return sorted(found)


def test_a_line_is_one_record_with_its_check(tmp_path: Path) -> None:
    mine = Spool("id", folder=tmp_path)
    assert mine.append(encode({"n": 1, "text": "ü\n\ud800", "when": Path("x")}))
    assert mine.path is not None
    record = mine.path.read_bytes()
    assert record.count(b"\n") == 1
    assert json.loads(record[9:])["text"] == "ü\n\ud800"
    assert oct(mine.path.stat().st_mode)[-3:] == "600"
    assert lines_in(tmp_path) == [1]


def test_threads_share_a_spool_and_rotate_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "ROTATE_BYTES", 2000)
    monkeypatch.setattr(spool, "_LOOK_SECONDS", 0.0)
    mine = Spool("id", folder=tmp_path)

    def work(start: int) -> None:
        for n in range(start, start + 200):
            assert mine.append(encode({"n": n}))

    threads = [threading.Thread(target=work, args=(k * 200,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lines_in(tmp_path) == list(range(1600))
    assert len(list(tmp_path.glob(f"*{SUFFIX}"))) > 5


def test_an_owned_spool_is_locked_and_a_left_one_is_not(tmp_path: Path) -> None:
    mine = Spool("id", folder=tmp_path)
    mine.append(encode({"n": 1}))
    assert mine.path is not None
    fd = os.open(mine.path, os.O_RDWR)
    assert not _read_spool.abandoned(fd)
    mine.close()
    assert _read_spool.abandoned(fd)
    os.close(fd)
    assert mine.append(encode({"n": 2})), "it opens another by itself"


def test_a_forked_child_has_its_own(tmp_path: Path) -> None:
    mine = Spool("id", folder=tmp_path)
    mine.append(encode({"n": 0}))

    def work() -> None:
        assert mine.append(encode({"n": 1}))
        os.kill(os.getpid(), signal.SIGKILL)

    assert Child(work).ended() == -signal.SIGKILL
    mine.append(encode({"n": 2}))
    assert lines_in(tmp_path) == [0, 1, 2]
    assert len(list(tmp_path.glob(f"*{SUFFIX}"))) == 2


def test_a_child_does_not_hold_its_parents_lock(tmp_path: Path) -> None:
    mine = Spool("id", folder=tmp_path)
    mine.append(encode({"n": 0}))
    path, (asked, over), (told, ready) = mine.path, os.pipe(), os.pipe()

    def work() -> None:
        os.write(ready, b"!")
        os.read(asked, 1)

    child = Child(work)
    os.read(told, 1)
    mine.close()
    assert path is not None
    fd = os.open(path, os.O_RDWR)
    assert _read_spool.abandoned(fd)
    os.close(fd)
    os.write(over, b"!")
    assert child.ended() == 0


def test_a_signal_handler_may_record_in_the_middle_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "ROTATE_BYTES", 500)
    monkeypatch.setattr(spool, "_LOOK_SECONDS", 0.0)
    mine = Spool("id", folder=tmp_path)
    numbers = itertools.count()  # a handler may be interrupted by the next signal

    def handler(number: int, frame: object) -> None:
        mine.append(encode({"n": 100_000 + next(numbers)}))

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        for n in range(3000):
            mine.append(encode({"n": n}))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    mine.close()
    handled = next(numbers)
    assert handled > 5
    assert lines_in(tmp_path) == [*range(3000), *range(100_000, 100_000 + handled)]


def test_what_stood_in_a_deleted_folder_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(spool, "_LOOK_SECONDS", 0.0)
    folder = tmp_path / "deep" / "folder"
    mine = Spool("id", folder=folder)
    for n in range(5):
        mine.append(encode({"n": n}))
    shutil.rmtree(tmp_path / "deep")
    assert mine.append(encode({"n": 5}))
    assert lines_in(folder) == list(range(6))
    assert len(caplog.records) == 1


def test_without_any_folder_memory_holds_what_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_memory, "LIMIT_BYTES", 400)
    monkeypatch.setattr(spool, "_RETRY_SECONDS", 0.0)
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    mine = Spool("id", folder=blocked / "spool")
    kept = [mine.append(encode({"n": n})) for n in range(100)]
    assert kept == [False] * 100
    assert mine.holds_memory
    assert 0 < mine.lost < 100
    blocked.unlink()
    assert mine.append(encode({"n": 100})), "it goes on by itself"
    assert not mine.holds_memory
    with next((tmp_path / "file" / "spool").glob("*")).open("rb") as file:
        told = _read_spool.read(file.fileno(), 0, 10**6).lines
    assert [t["n"] for t in told if "n" in t] == [*range(100 - mine.lost), 100]
    assert [t["lines"] for t in told if t.get("kind") == "loss"] == [mine.lost]
    assert {record.name for record in caplog.records} == {"finops_pack"}
    assert len(caplog.records) == 1


FULL_DISK = """
    import json, resource, sys, logging
    from pathlib import Path
    from finops_pack.ledger import spool
    from finops_pack.ledger.spool import Spool, encode

    spool._RETRY_SECONDS = 0.0
    folder = Path(sys.argv[1])
    mine = Spool("id", folder=folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    said = [mine.append(encode({"n": n, "pad": "x" * 90})) for n in range(20)]
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    for n in range(20, 60):
        mine.append(encode({"n": n, "pad": "x" * 900}))
    big = mine.append(encode({"n": 60, "pad": "x" * 9000}))
    after = mine.append(encode({"n": 61}))
    held = mine.holds_memory
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    freed = mine.append(encode({"n": 62}))
    print(json.dumps([all(said), big, after, held, freed, mine.lost]))
"""


def test_a_full_disk_tears_no_line(tmp_path: Path) -> None:
    code = textwrap.dedent(FULL_DISK)
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert json.loads(run.stdout) == [True, False, False, True, True, 0]
    assert lines_in(tmp_path) == list(range(63))


def test_full_disks_gather_no_empty_files(tmp_path: Path) -> None:
    code = """
import resource, sys
from pathlib import Path
from finops_pack.ledger import spool
from finops_pack.ledger.spool import Spool, encode

spool._RETRY_SECONDS = 0.0
folder = Path(sys.argv[1])
mine = Spool("id", folder=folder)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
for n in range(50):
    mine.append(encode({"n": n}))
print(len(list(folder.glob("*.spool"))))
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
mine.append(encode({"n": 50}))
"""
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert run.stdout == "0\n"
    assert lines_in(tmp_path) == list(range(51))


def test_a_torn_line_costs_itself_alone() -> None:
    good = encode({"n": 1})
    for torn in (b"", b"x", b"zzzzzzzz {}", good[:5], good[:-3], b"00000000 {}", b"\xff" * 30):
        piece = _read_spool.parse((torn + b"\n" + good).split(b"\n"))
        assert [line["n"] for line in piece.lines] == [1]
        assert piece.bad == (1 if torn else 0)


def test_a_line_with_a_good_check_and_no_json_costs_itself_alone() -> None:
    records = (b"%08x {nonsense\n" % crc32(b"{nonsense") + encode({"n": 1})).split(b"\n")
    piece = _read_spool.parse(records)
    assert ([line["n"] for line in piece.lines], piece.bad) == ([1], 1)


def test_pieces_are_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_read_spool, "_CHUNK", 64)
    mine = Spool("id", folder=tmp_path)
    for n in range(30):
        mine.append(encode({"n": n, "pad": "x" * (n * 37 % 200)}))
    assert mine.path is not None
    with mine.path.open("ab") as file:
        file.write(b"half a li")
    found, at = [], 0
    with mine.path.open("rb") as file:
        while (piece := _read_spool.read(file.fileno(), at, 4)).end > at:
            assert len(piece.lines) <= 4
            found += [line["n"] for line in piece.lines]
            at = piece.end
        assert _read_spool.waiting(file.fileno(), 0) == 30
    assert found == list(range(30))


def test_full_durability_syncs_each_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    Spool("id", folder=tmp_path).append(b"{}")
    assert not synced
    full = Spool("id", folder=tmp_path, durability="full")
    full.append(b"{}")
    full.append(b"{}")
    assert len(synced) == 2


def test_folders_in_their_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FINOPS_SPOOL_DIR", str(tmp_path / "chosen"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    _folders.config.reload()
    first, second, third, *_ = spool.folders("id")
    assert first == tmp_path / "chosen" / "id"
    assert second.parts[-3:] == ("finops", "spool", "id")
    assert third.parent.parent == tmp_path
    assert spool.folder("id") == first
    (tmp_path / "chosen").chmod(0o700)
    shutil.rmtree(tmp_path / "chosen")
    (tmp_path / "chosen").write_text("in the way")
    assert spool.folder("id") == second


def test_a_trap_in_a_shared_folder_is_not_used(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    (tmp_path / "elsewhere").mkdir()
    (shared / "finops-1").symlink_to(tmp_path / "elsewhere")
    assert not _folders.usable(shared / "finops-1" / "id")
    assert _folders.usable(shared / "finops-2" / "id")


def test_what_lies_in_a_trap_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    monkeypatch.setenv("TMPDIR", str(shared))
    ours = next(path for path in spool.folders("id") if shared in path.parents)
    (tmp_path / "elsewhere" / "id").mkdir(parents=True)
    ours.parent.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "id" / "0123.spool").write_bytes(spool.encode({"type": "call"}))
    assert list(_read_spool.spools("id")) == []


def test_a_warning_that_fails_reaches_nobody(tmp_path: Path) -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("the host's logging is broken")

    handler = Broken()
    logging.getLogger("finops_pack").addHandler(handler)
    try:
        (tmp_path / "file").write_text("")
        assert not Spool("id", folder=tmp_path / "file" / "x").append(b"{}")
    finally:
        logging.getLogger("finops_pack").removeHandler(handler)


def test_every_line_of_a_lost_record_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_memory, "LIMIT_BYTES", 0)
    (tmp_path / "file").touch()
    mine = Spool("id", folder=tmp_path / "file")
    assert not mine.append(encode({"n": 1}) + encode({"n": 2}))
    assert mine.lost == 2
