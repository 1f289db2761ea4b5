"""From spools into the ledger: every line once, whoever drains and whoever dies."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finops_pack.errors import LedgerUnreachable
from finops_pack.ledger import Ledger, _drain, _lock, _read_spool, open_ledger, spool
from finops_pack.ledger._drain import Drain
from finops_pack.ledger.spool import Spool, encode
from finops_pack.model import Where
from finops_pack.money import to_pico

Line = Callable[..., dict[str, Any]]


def count(ledger: Ledger) -> int:
    return ledger.totals(None, Where())[0].calls


def drained(ledger: Ledger, **how: Any) -> dict[Path, int]:
    return Drain(ledger, **how).run(time.monotonic() + 10)


def test_an_answer_includes_the_last_call(ledger: Ledger, line: Line) -> None:
    mine = Spool(ledger.id)
    for n in range(1200):
        mine.append(encode(line(f"c{n}")))
    assert ledger.drain(10) == 0
    assert count(ledger) == 1200
    assert ledger.drain(10) == 0
    assert count(ledger) == 1200
    assert mine.path is not None
    assert mine.path.exists(), "its owner lives"
    assert ledger.offset(mine.path.stem) == mine.path.stat().st_size


def test_a_spool_without_owner_is_drained_and_deleted(ledger: Ledger, line: Line) -> None:
    mine = Spool(ledger.id)
    mine.append(encode(line()))
    path = mine.path
    assert path is not None
    mine.close()
    assert ledger.drain(10) == 0
    assert count(ledger) == 1
    assert not path.exists()
    assert ledger.offset(path.stem) == 0, "nothing is left of it"


def test_every_folder_is_looked_into(
    ledger: Ledger, line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    monkeypatch.setenv("TMPDIR", str(first))
    first.mkdir()
    folder = next(path for path in spool.folders(ledger.id) if first in path.parents)
    Spool(ledger.id, folder=folder).append(encode(line("a")))
    monkeypatch.setenv("FINOPS_SPOOL_DIR", str(second))
    spool.folders.__globals__["config"].reload()
    Spool(ledger.id).append(encode(line("b")))
    assert list(second.rglob("*.spool"))
    assert ledger.drain(10) == 0
    assert count(ledger) == 2


def test_a_torn_end_costs_one_record_and_is_counted(
    ledger: Ledger, line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    mine = Spool(ledger.id)
    mine.append(encode(line("a")))
    path = mine.path
    assert path is not None
    with path.open("ab") as file:
        file.write(encode(line("b"))[:-9])
    assert ledger.drain(10) == 0
    assert count(ledger) == 1, "its owner may still be writing it"
    assert not ledger.documents("loss")
    with path.open("ab") as file:
        file.write(b"\n" + encode(line("c")) + b"torn")
    mine.close()
    assert ledger.drain(10) == 0
    assert count(ledger) == 2
    assert sum(loss["lines"] for loss in ledger.documents("loss").values()) == 2
    assert len(caplog.records) == 1


def test_a_line_the_books_refuse_is_counted(ledger: Ledger, line: Line) -> None:
    mine = Spool(ledger.id)
    for told in (line("a"), {"type": "call", "id": "no time"}, line("b")):
        mine.append(encode(told))
    assert ledger.drain(10) == 0
    assert count(ledger) == 2
    (loss,) = ledger.documents("loss").values()
    assert loss["lines"] == 1
    assert "start_us" in loss["reasons"][0]


def test_many_may_drain_at_once(ledger: Ledger, line: Line) -> None:
    mine = Spool(ledger.id)
    left = [Spool(ledger.id) for _ in range(3)]
    for n in range(1500):
        mine.append(encode(line(f"c{n}", cost_pico=n)))
        left[n % 3].append(encode(line(f"d{n}", cost_pico=n)))
    for one in left:
        one.close()
    others = [open_ledger(ledger.url) for _ in range(4)]
    threads = [threading.Thread(target=drained, args=(other,)) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(ledger) == 3000
    assert to_pico(ledger.totals(None, Where())[0].usd) == sum(range(1500)) * 2
    for other in others:
        other.close()


def test_a_slow_ledger_gets_smaller_batches(
    ledger: Ledger, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, sizes = Spool(ledger.id), []
    for n in range(2000):
        mine.append(encode(line(f"c{n}")))
    book = type(ledger).book

    def slow(self: Any, lines: list[Any], **how: Any) -> Any:
        sizes.append(len(lines))
        time.sleep(len(lines) * 0.0001)
        return book(self, lines, **how)

    monkeypatch.setattr(type(ledger), "book", slow)
    assert not drained(ledger)
    assert sizes[0] == _drain.BATCH_LINES
    assert min(sizes) < 150
    assert sum(sizes) == 2000


def test_without_the_lock_a_reader_says_what_is_pending(ledger: Ledger, line: Line) -> None:
    ledger.book([line("before")])
    mine = Spool(ledger.id)
    for n in range(7):
        mine.append(encode(line(f"c{n}")))
    path = ledger.url.removeprefix("sqlite:///") + ".lock"
    held = os.open(path, os.O_RDWR)
    assert _lock.take(held)
    began = time.monotonic()
    assert ledger.drain(0.2) == 7
    assert 0.15 < time.monotonic() - began < 1.0
    assert count(ledger) == 1, "it still answers"
    os.close(held)
    assert ledger.drain(5) == 0
    assert count(ledger) == 8


def test_what_only_memory_holds_is_booked_straight(
    ledger: Ledger, line: Line, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    mine = Spool(ledger.id, folder=tmp_path / "file" / "x")
    assert not mine.append(encode(line("a")))
    assert not drained(ledger)
    assert count(ledger) == 1
    assert not mine.holds_memory


def test_memory_is_kept_when_the_ledger_is_away_too(
    ledger: Ledger, line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    mine = Spool(ledger.id, folder=tmp_path / "file" / "x")
    mine.append(encode(line("a")))
    mine.append(encode(line("b")))

    def away(*_: Any, **__: Any) -> Any:
        raise LedgerUnreachable("away")

    with monkeypatch.context() as patch:
        patch.setattr(type(ledger), "book", away)
        drained(ledger)
    assert mine.holds_memory
    assert not drained(ledger)
    assert count(ledger) == 2


def test_an_idle_drain_asks_nothing_of_the_ledger(
    ledger: Ledger, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = Spool(ledger.id)
    mine.append(encode(line()))
    drain = Drain(ledger)
    drain.run(time.monotonic() + 5)

    def asked(*_: Any) -> Any:
        raise AssertionError("the ledger was asked although nothing is new")

    with monkeypatch.context() as patch:
        patch.setattr(type(ledger), "offset", asked)
        drain.run(time.monotonic() + 5)
    mine.append(encode(line("c2")))
    drain.run(time.monotonic() + 5)
    assert count(ledger) == 2


def test_a_line_that_comes_as_a_drain_ends_is_the_next_ones(
    ledger: Ledger, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thread records between the last look into the file and the note of where it ends."""
    mine = Spool(ledger.id)
    mine.append(encode(line()))
    drain, read = Drain(ledger), _read_spool.read

    def read_and_record(fd: int, offset: int, limit: int) -> _read_spool.Piece:
        piece = read(fd, offset, limit)
        if piece.end == offset:
            mine.append(encode(line("c2")))
        return piece

    with monkeypatch.context() as patch:
        patch.setattr(_read_spool, "read", read_and_record)
        drain.run(time.monotonic() + 5)
    assert drain.run(time.monotonic() + 5) == {}
    assert count(ledger) == 2
