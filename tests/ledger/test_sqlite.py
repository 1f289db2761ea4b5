"""The SQLite store beside the protocol: its file, its lock, what may befall them."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from finops_pack import config
from finops_pack.errors import LedgerOutdated, LedgerUnreachable
from finops_pack.ledger import Reservation, open_ledger
from finops_pack.ledger.rollup import ROLLUPS
from finops_pack.ledger.sqlite import SQLiteLedger
from finops_pack.model import Where
from tests.forked import Child

Line = Callable[..., dict[str, Any]]
ALL = Where()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "ledger.db"


def count(ledger: SQLiteLedger) -> int:
    return ledger.totals(None, ALL)[0].calls


def test_its_files_are_for_their_owner_alone(path: Path, line: Line) -> None:
    SQLiteLedger(str(path)).book([line()])
    for file in (path, Path(f"{path}.lock"), Path(f"{path}-wal")):
        assert oct(file.stat().st_mode)[-3:] == "600", file


def test_it_is_wal_and_normal(path: Path, line: Line) -> None:
    ledger = SQLiteLedger(str(path))
    ledger.book([line()])
    with ledger._write() as db:
        assert db.all("PRAGMA journal_mode") == [("wal",)]
        assert db.all("PRAGMA synchronous") == [(1,)]
    ledger.close()


def test_nothing_there_is_said(path: Path) -> None:
    with pytest.raises(LedgerUnreachable, match="no ledger"):
        open_ledger(str(path), create=False)
    with pytest.raises(LedgerUnreachable, match="no ledger"):
        open_ledger(str(path), read_only=True)
    assert not path.exists()


@pytest.mark.parametrize("schema", ["'browser'", "NULL", "x'ff'", "'1'", "'17'"])
def test_another_programs_database_is_left_as_it_is(tmp_path: Path, schema: str) -> None:
    path = tmp_path / "history.db"
    theirs = sqlite3.connect(path)
    theirs.execute("CREATE TABLE visits (url TEXT)")
    theirs.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT, note TEXT)")
    theirs.execute(f"INSERT INTO meta VALUES ('schema', {schema}, NULL)")
    theirs.commit()
    theirs.close()
    before = path.read_bytes()
    for how in ({}, {"create": False}, {"read_only": True}):
        with pytest.raises(LedgerUnreachable, match="is no ledger"):
            open_ledger(str(path), **how)
    assert path.read_bytes() == before
    assert list(tmp_path.glob("history*")) == [path]


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
@pytest.mark.parametrize("locked", [True, False])
def test_a_lock_beside_another_programs_database_does_not_make_it_a_ledger(
    tmp_path: Path, mode: str, locked: bool
) -> None:
    path = tmp_path / "history.db"
    theirs = sqlite3.connect(path)
    theirs.execute(f"PRAGMA journal_mode = {mode}")
    theirs.execute("CREATE TABLE visits (url TEXT)")
    theirs.close()
    if locked:
        Path(f"{path}.lock").touch()
    before, beside = path.read_bytes(), set(tmp_path.iterdir())
    with pytest.raises(LedgerUnreachable, match="is no ledger"):
        open_ledger(str(path))
    assert path.read_bytes() == before
    left = set(tmp_path.iterdir()) - beside
    # what a reader of a WAL database leaves is taken up by whoever opens it next
    assert not left or (locked and mode == "WAL")


def test_a_database_that_its_maker_still_holds_is_waited_for_and_left_as_it_is(
    tmp_path: Path,
) -> None:
    path = tmp_path / "history.db"
    theirs = sqlite3.connect(path, check_same_thread=False)
    theirs.execute("BEGIN EXCLUSIVE")
    theirs.execute("CREATE TABLE visits (url TEXT)")
    done = threading.Timer(1.5, theirs.commit)
    done.start()
    with pytest.raises(LedgerUnreachable, match="is no ledger"):
        open_ledger(str(path))
    done.join()
    assert theirs.execute("SELECT name FROM sqlite_master").fetchall() == [("visits",)]
    theirs.close()


def test_a_damaged_file_that_never_was_a_ledger_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 40)
    before = path.read_bytes()
    with pytest.raises(LedgerUnreachable, match="no ledger, or it is damaged"):
        open_ledger(str(path))
    assert path.read_bytes() == before
    assert list(tmp_path.glob("history*")) == [path]


def test_a_reader_of_a_ledger_in_the_making_is_sent_to_where_one_waits(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    for file in (path, Path(f"{path}.lock")):
        file.touch()
    with pytest.raises(LedgerOutdated):
        open_ledger(str(path), read_only=True)
    assert count(SQLiteLedger(str(path))) == 0


def test_a_copy_of_a_ledger_and_an_empty_file_are_taken(path: Path, line: Line) -> None:
    SQLiteLedger(str(path)).book([line()])
    copied, empty = path.with_name("copy.db"), path.with_name("empty.db")
    with sqlite3.connect(path) as whole, sqlite3.connect(copied) as target:
        whole.backup(target)
    whole.close()
    target.close()
    empty.touch()
    assert count(SQLiteLedger(str(copied))) == 1
    assert count(SQLiteLedger(str(empty))) == 0


def test_read_only_reads(path: Path, line: Line) -> None:
    SQLiteLedger(str(path)).book([line()])
    ledger = SQLiteLedger(str(path), read_only=True)
    assert count(ledger) == 1
    with pytest.raises(LedgerUnreachable, match="reading only"):
        ledger.book([line("c2")])


def test_a_ledger_on_a_medium_that_cannot_be_written_is_read(path: Path, line: Line) -> None:
    ledger = SQLiteLedger(str(path))
    ledger.book([line()])
    ledger.close()
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)
    for ending in ("-wal", "-shm"):
        Path(f"{copy}{ending}").mkdir()  # nothing can be made there, not even by root
    reader = SQLiteLedger(str(copy), read_only=True)
    assert count(reader) == 1
    ledger.book([line("c2")])
    ledger.close()
    copy.write_bytes(path.read_bytes())
    assert count(reader) == 2, "who writes it elsewhere is seen"


def test_a_ledger_that_another_one_has_to_himself_is_not_read_by_halves(
    path: Path, line: Line
) -> None:
    ledger = SQLiteLedger(str(path))
    ledger.book([line()])
    ledger.close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("UPDATE by_agent SET calls = 2")  # in the WAL, which nobody else can read now
    with pytest.raises(LedgerUnreachable, match="locked"):
        count(ledger)
    other.close()
    assert count(ledger) == 2


def test_the_time_zone_is_fixed_when_it_is_made(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINOPS_TZ", "Asia/Tokyo")
    config.reload()
    SQLiteLedger(str(path))
    monkeypatch.setenv("FINOPS_TZ", "Europe/Vienna")
    config.reload()
    assert SQLiteLedger(str(path)).time_zone == "Asia/Tokyo"


def test_a_time_zone_that_another_process_has_changed_is_kept_to(path: Path, line: Line) -> None:
    ours, theirs = SQLiteLedger(str(path)), SQLiteLedger(str(path))
    ours.book([line(start_us=1_764_026_400_000_000)])  # 23:20 UTC
    theirs.rebuild("Europe/Vienna")
    assert [day.date for day in ours.days(ALL)] == ["2025-11-25"]
    theirs.rebuild("UTC")
    theirs.rebuild("Europe/Vienna")
    ours.book([line("c2", start_us=1_764_026_400_000_000)])
    assert [(day.date, day.total.calls) for day in ours.days(ALL)] == [("2025-11-25", 2)]
    assert (ours.check(), theirs.check()) == ([], [])


def test_a_machine_without_the_ledgers_time_zone_says_so(path: Path, line: Line) -> None:
    ledger = SQLiteLedger(str(path))
    ledger.book([line()])
    ledger.rebuild("Europe/Vienna")
    code = """
import sys
sys.modules["tzdata"] = None  # as on a machine on which nobody has installed it
from finops_pack.errors import LedgerUnreachable
from finops_pack.ledger.sqlite import SQLiteLedger
try:
    SQLiteLedger(sys.argv[1]).book([{"type": "call", "id": "c2", "start_us": 10**15}])
except LedgerUnreachable as error:
    print(error, error.mend)
"""
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True,
        env={**os.environ, "PYTHONTZPATH": ""},
    )  # fmt: skip
    assert "no time zone 'Europe/Vienna'" in run.stdout
    assert "tzdata" in run.stdout
    assert count(ledger) == 1


def test_a_time_zone_that_does_not_exist_costs_no_call(
    path: Path, monkeypatch: pytest.MonkeyPatch, line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FINOPS_TZ", "Europe/Wien")
    config.reload()
    ledger = SQLiteLedger(str(path))
    assert ledger.book([line()]).new == 1
    assert ledger.time_zone == "UTC"
    assert "Europe/Wien" in caplog.text


def test_a_field_that_calls_gained_becomes_a_column(path: Path, line: Line) -> None:
    SQLiteLedger(str(path)).book([line("old")])
    with sqlite3.connect(path) as raw:
        raw.execute("ALTER TABLE calls DROP COLUMN verifier")
        raw.execute("ALTER TABLE calls DROP COLUMN lost_ms")
        raw.execute("DELETE FROM meta WHERE key = 'version'")
    raw.close()
    ledger = SQLiteLedger(str(path))
    ledger.book([line("new", verifier="edit", lost_ms=5)])
    found = {call.id: (call.verifier, call.lost_ms) for call in ledger.calls(ALL)}
    assert found == {"old": (None, 0), "new": ("edit", 5)}


def test_a_ledger_of_the_first_schema_gains_what_rollups_count_since(
    path: Path, line: Line
) -> None:
    unseen = {"usage_basis": "unknown", "status": "unknown", "cost_state": "unpriced"}
    first = SQLiteLedger(str(path))
    first.book([line("a"), {**line("b"), **unseen}])
    first.close()
    with sqlite3.connect(path) as raw:
        for table in ROLLUPS:
            raw.execute(f"ALTER TABLE {table} DROP COLUMN unseen_calls")
        raw.execute("UPDATE meta SET value = '1' WHERE key = 'schema'")
    raw.close()
    with pytest.raises(LedgerOutdated):
        SQLiteLedger(str(path), read_only=True)
    ledger = SQLiteLedger(str(path))
    assert ledger.totals(None, ALL)[0].unseen_calls == 1
    assert ledger.check() == []


@pytest.mark.parametrize("schema", [None, 2])
def test_amendments_that_wait_for_ever_are_not_read_for_each_call(
    path: Path, schema: int | None
) -> None:
    SQLiteLedger(str(path)).close()
    with sqlite3.connect(path) as raw:
        if schema:
            raw.execute("DROP INDEX late_identity")
            raw.execute(f"UPDATE meta SET value = '{schema}' WHERE key = 'schema'")
    raw.close()
    with SQLiteLedger(str(path))._read() as db:
        asked = "WITH k (a, b) AS (VALUES ('live', 'x')) SELECT n FROM k CROSS JOIN late"
        plan = db.all(f"EXPLAIN QUERY PLAN {asked} WHERE source = a AND id = b")
    assert "late_identity" in str(plan)


def test_a_newer_schema_is_left_alone(path: Path, line: Line) -> None:
    SQLiteLedger(str(path)).book([line()])
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    raw.close()
    with pytest.raises(LedgerUnreachable, match="newer") as refused:
        SQLiteLedger(str(path))
    assert "upgrade" in str(refused.value.mend)


@pytest.mark.parametrize("damage", ["header", "garbage", "middle"])
def test_a_corrupt_file_is_moved_aside(
    path: Path, line: Line, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = SQLiteLedger(str(path))
    ledger.book([line(f"c{n}", agent="x" * 200) for n in range(2000)])
    ledger.close()
    content = bytearray(path.read_bytes())
    if damage == "header":
        content[:40] = b"\xff" * 40
    elif damage == "garbage":
        content[:] = os.urandom(5000)
    else:
        content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)
    ledger, until = _reopened(path), time.monotonic() + 5
    while count(ledger) < 1:
        assert time.monotonic() < until
        try:
            ledger.book([line("again")])
        except LedgerUnreachable:
            pass
    assert ledger.check() == []
    (aside,) = [p for p in path.parent.glob("*.corrupt-*") if p.name[-4:] not in ("-wal", "-shm")]
    assert aside.read_bytes() == bytes(content)
    assert len([r for r in caplog.records if "corrupt" in r.message]) == 1


def _reopened(path: Path) -> SQLiteLedger:
    for _ in range(5):
        try:
            return SQLiteLedger(str(path))
        except LedgerUnreachable:
            continue
    raise AssertionError("it never came back")


@pytest.mark.parametrize("gone", ["file", "folder"])
def test_a_deleted_ledger_begins_anew(path: Path, line: Line, gone: str) -> None:
    ledger = SQLiteLedger(str(path))
    ledger.book([line()])
    assert count(ledger) == 1
    if gone == "file":
        path.unlink()
    else:
        shutil.rmtree(path.parent)
    with pytest.raises(LedgerUnreachable):
        count(ledger)
    ledger.book([line("c2")])
    assert [call.id for call in ledger.calls(ALL)] == ["c2"]


@pytest.mark.parametrize("elsewhere", ["reads", "writes"])
def test_a_ledger_deleted_under_another_process_begins_anew_for_both(
    path: Path, line: Line, elsewhere: str
) -> None:
    code = """
import sys
from finops_pack.ledger.sqlite import SQLiteLedger
from finops_pack.model import Where

path, how, before, after = sys.argv[1:]
ledger = SQLiteLedger(path)
for call, last in ((before, False), (after, True)):
    if how == "writes":
        ledger.book([{"type": "call", "id": call, "start_us": 10**15}])
    print(ledger.totals(None, Where())[0].calls, flush=True)
    last or sys.stdin.readline()
"""
    ledger = SQLiteLedger(str(path))
    ledger.book([line(f"old{n}") for n in range(200)])
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path), elsewhere, "old0", "new0"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        assert int(other.stdout.readline()) == 200
        path.unlink()
        ledger.book([line("new1"), line("new2")])
        assert count(ledger) == 2
        expected = 3 if elsewhere == "writes" else 2
        assert int(other.communicate("\n")[0]) == expected
    assert count(ledger) == expected
    assert ledger.check() == []


def test_a_lock_file_that_was_deleted_keeps_nobody_out(path: Path, line: Line) -> None:
    first, second = SQLiteLedger(str(path)), SQLiteLedger(str(path))
    first.book([line()])
    Path(f"{path}.lock").unlink()
    with first._write(), pytest.raises(LedgerUnreachable, match="too long"):
        second.book([line("c2")], timeout=0.05)
    second.book([line("c2")])
    assert count(first) == 2


def test_writers_wait_for_each_other_and_no_longer_than_said(path: Path) -> None:
    first, second = SQLiteLedger(str(path)), SQLiteLedger(str(path))
    with first._write():
        began = time.monotonic()
        with pytest.raises(LedgerUnreachable, match="too long"):
            second.reserve(Reservation("c", 1, 0, 9), {"b": (ALL, 5)}, 0.2)
        assert 0.15 < time.monotonic() - began < 1
        assert count(second) == 0, "readers do not wait"


def test_somebody_elses_transaction_is_waited_for(path: Path, line: Line) -> None:
    ledger = SQLiteLedger(str(path))
    ledger.book([line()])
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnreachable, match="locked"):
        ledger.book([line("c2")], timeout=0.1)
    timer = threading.Timer(0.2, other.execute, ("COMMIT",))
    timer.start()
    ledger.book([line("c2")], timeout=10)
    assert count(ledger) == 2
    timer.join()
    other.close()


def test_a_full_disk_keeps_the_books_as_they_were(tmp_path: Path) -> None:
    code = """
import resource, sys
from finops_pack.errors import LedgerOutdated, LedgerUnreachable
from finops_pack.ledger.sqlite import SQLiteLedger
from finops_pack.model import Where

def lines(start):
    return [{"type": "call", "id": f"{start}-{n}", "start_us": 10**15, "agent": "x" * 300}
            for n in range(500)]

ledger = SQLiteLedger(sys.argv[1])
ledger.book(lines("a"))
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, hard))
refused = 0
for start in "bcdefghij":
    try:
        ledger.book(lines(start))
    except LedgerUnreachable:
        refused += 1
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
assert refused, "the limit was meant to bite"
booked = ledger.totals(None, Where())[0].calls
assert booked == (10 - refused) * 500, booked
for start in "bcdefghij":
    ledger.book(lines(start))
assert ledger.totals(None, Where())[0].calls == 5000
assert ledger.check() == []
"""
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "l.db")], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


def test_a_fork_leaves_the_parents_books_alone(path: Path, line: Line) -> None:
    ledger = SQLiteLedger(str(path))
    ledger.book([line("parent")])
    assert count(ledger) == 1

    def work(name: str) -> None:
        ledger.book([line(name)])
        assert count(ledger) >= 2

    children = [Child(partial(work, f"child{k}")) for k in range(4)]
    for n in range(20):
        ledger.book([line(f"parent{n}")])
    assert [child.ended() for child in children] == [0] * 4
    assert count(ledger) == 25
    assert ledger.check() == []


def test_a_fork_in_the_middle_of_a_transaction_does_not_hold_the_lock(
    path: Path, line: Line
) -> None:
    ledger, other = SQLiteLedger(str(path)), SQLiteLedger(str(path))
    read, write = os.pipe()
    forked = []

    def work() -> None:
        os.close(write)
        os.read(read, 1)

    def fork(held: Any) -> Any:
        forked.append(Child(work))

    began = time.monotonic()
    ledger.update("k", "a", fork)
    assert time.monotonic() - began < 3
    other.book([line()], timeout=1)
    ledger.book([line("c2")], timeout=1)
    os.close(write)
    assert forked[0].ended() == 0


def test_many_open_a_new_ledger_at_once(path: Path) -> None:
    code = (
        "import sys; from finops_pack.ledger.sqlite import SQLiteLedger\n"
        "ledger = SQLiteLedger(sys.argv[1])\n"
        "ledger.book([{'type': 'call', 'id': sys.argv[2], 'start_us': 1}])\n"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", code, str(path), str(n)], stderr=subprocess.PIPE)
        for n in range(6)
    ]
    for run in runs:
        assert run.communicate()[1] == b""
        assert run.returncode == 0
    assert count(SQLiteLedger(str(path))) == 6


def test_readers_neither_write_nor_checkpoint(path: Path, line: Line) -> None:
    ledger = SQLiteLedger(str(path))
    ledger.book([line()])
    with ledger._read() as db, pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.run("DELETE FROM calls")
    wal = Path(f"{path}-wal").stat().st_size
    other = SQLiteLedger(str(path))
    assert count(other) == 1
    other.close()
    assert Path(f"{path}-wal").stat().st_size == wal


def test_a_stream_sees_one_state_while_others_write(path: Path, line: Line) -> None:
    ledger = SQLiteLedger(str(path))
    ledger.book([line(f"c{n}") for n in range(1000)])
    stream = ledger.calls(ALL)
    first = next(stream)
    ledger.book([line(f"d{n}") for n in range(1000)])
    assert ledger.totals(None, ALL)[0].calls == 2000, "another question in between"
    assert first.id == "c0"
    assert len(list(stream)) == 999


def test_questions_use_indexes(path: Path, line: Line) -> None:
    ledger = SQLiteLedger(str(path))
    ledger.book([line(f"c{n}", response_id=f"r{n}", task="t", session="s") for n in range(300)])
    seen: list[str] = []
    with ledger._write() as db:
        db.raw.set_trace_callback(seen.append)
    ledger.book([line("c5", source="log", response_id="r5"), line("new", response_id="rn")])
    asked = [sql for sql in seen if sql.startswith("WITH")]
    assert asked
    with ledger._read() as db:
        for sql in asked:
            plan = " ".join(str(row[3]) for row in db.all(f"EXPLAIN QUERY PLAN {sql}"))
            assert "SEARCH" in plan, (sql, plan)
            assert "SCAN calls" not in plan, (sql, plan)
