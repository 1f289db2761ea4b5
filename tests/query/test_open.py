"""Opening a ledger to read: what is there is drained, what is not is not made."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from finops_pack import cli, query
from finops_pack.errors import LedgerUnreachable
from finops_pack.ledger import ledger_id, open_ledger, spool
from finops_pack.query import Period

CALL = {"type": "call", "start_us": 1_790_000_000_000_000, "model": "gpt-4o", "input_tokens": 7,
        "cost_pico": 5_000_000_000, "cost_state": "priced"}  # fmt: skip


def test_reading_makes_no_ledger(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ledger.db"
    with query.open(str(path)) as reader:
        assert reader.span() is None
        assert "does not exist yet" in reader.nothing()
        assert reader.spend().rows == ()
        assert reader.tasks() == []
        assert reader.budget().lines == ()
    assert not path.parent.exists()


def test_an_empty_ledger_says_it_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    open_ledger(str(path)).close()
    with query.open(str(path)) as reader:
        assert f"{path} is empty" in reader.nothing()


def test_reading_leaves_a_strangers_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "thesis.doc"
    path.write_text("not a ledger")
    with pytest.raises(LedgerUnreachable):
        query.open(str(path))
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".doc"] == ["thesis.doc"]
    assert path.read_text() == "not a ledger"


def test_what_lies_in_a_spool_is_in_the_answer(tmp_path: Path) -> None:
    """Also when the ledger's file was never made, and the process that recorded is still there."""
    path = tmp_path / "ledger.db"
    mine = spool.Spool(ledger_id(str(path)))
    assert mine.append(spool.encode({**CALL, "id": "a"}))
    with query.open(str(path)) as reader:
        assert reader.pending_calls == 0
        assert reader.spend().total.calls == 1
    assert mine.append(spool.encode({**CALL, "id": "b"}))
    with query.open(str(path)) as reader:
        assert reader.spend().total.calls == 2
    mine.close()


def test_who_cannot_drain_in_time_says_what_is_pending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.db"
    ledger = open_ledger(str(path))
    ledger.book([{**CALL, "id": "a"}])
    mine = spool.Spool(ledger_id(str(path)))
    assert mine.append(spool.encode({**CALL, "id": "b"}))
    monkeypatch.setattr(query, "DRAIN_SECONDS", 0.02)
    with open_ledger(str(path))._write(), query.open(str(path)) as reader:  # somebody writes
        assert reader.pending_calls == 1
        assert reader.spend().total.calls == 1
        assert reader.spend().to_dict()["pending_calls"] == 1
    mine.close()
    ledger.close()


def test_what_waits_is_not_called_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A task is several lines; whoever reads that nothing was recorded looks in the wrong place."""
    path = tmp_path / "ledger.db"
    ledger = open_ledger(str(path))
    mine = spool.Spool(ledger_id(str(path)))
    assert mine.append(spool.encode({**CALL, "id": "a"}))
    assert mine.append(spool.encode({"type": "amend", "id": "a", "verifier": "user"}))
    monkeypatch.setattr(query, "DRAIN_SECONDS", 0.02)
    with ledger._write():
        assert cli.main(["spend", "--ledger", str(path)]) == 0
    told = capsys.readouterr()
    assert told.err == "2 recorded lines not booked yet: finops drain\n"
    assert told.out.startswith("nothing booked yet: what was recorded waits for the ledger ")
    mine.close()
    ledger.close()


def test_why_a_period_shows_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = open_ledger(str(path))
    ledger.book([{**CALL, "id": "a", "project": "shop", "billing_mode": "subscription"}])
    earlier = CALL["start_us"] - 86_400_000_000
    ledger.book([{**CALL, "id": "b", "project": "old", "start_us": earlier}])
    ledger.close()
    with query.open(str(path)) as reader:
        ever, hour = Period(None, None), Period.of("1h")
        assert "flat plans" in reader.nothing(ever, project="shop")
        assert "the newest is of 2026-09-21" in reader.nothing(hour)
        assert "the newest is of 2026-09-21 (--since" in reader.nothing(hour, project="shop")
        assert "the newest is of 2026-09-20 (--since" in reader.nothing(hour, project="old")
        assert reader.nothing(hour, project="x") == "no calls of project x in this ledger"
        assert reader.nothing() == ""


def test_days_that_are_to_come_stand_for_no_calls(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger.db")
    ledger = open_ledger(path)
    start_us = time.time_ns() // 1000 - 4 * 86_400_000_000
    ledger.book([{**CALL, "id": "a", "start_us": start_us}])
    ledger.close()
    with query.open(path) as reader:
        assert reader.days_of(Period.of(since="2020-01-01", until="2120-01-01")) == 4.0
