"""A ledger copied into another one is that ledger."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from finops_pack.errors import ConfigError, LedgerUnreachable
from finops_pack.ledger import Ledger, Reservation
from finops_pack.ledger.copy import copy
from finops_pack.ledger.spool import Spool, encode
from finops_pack.model import Where

Line = Callable[..., dict[str, Any]]
NOON = 1_763_985_600_000_000
ALL = Where()


@pytest.fixture
def source(new_ledger: Callable[[], Ledger], line: Line) -> Ledger:
    ledger = new_ledger()
    ledger.rebuild("Asia/Kathmandu")
    told = [
        line(f"c{n}", start_us=NOON + n * 3_600_000_000, task=f"t{n % 7}", tags={"k": str(n % 5)},
             extra={"web_search": n} if n % 9 == 0 else None, response_id=f"r{n}",
             billing_mode=("metered", "subscription")[n % 4 == 0])
        for n in range(1234)
    ]  # fmt: skip
    ledger.book(told)
    ledger.book([
        line("log5", source="log", response_id="r5", output_tokens=99),
        {"type": "amend", "id": "c7", "verifier": "edit", "cost_pico": 7},
        {"type": "task", "id": "t1", "start_us": NOON, "outcome": "failed"},
        {"type": "segment", "session": "s", "id": "g", "kind": "system", "tokens": 1,
         "first_call": "a", "last_call": "b", "p_unused": 0.25},
        {"type": "event", "kind": "note", "key": "n", "text": "ü"},
    ])  # fmt: skip
    limits = {"b": (Where(since_us=NOON), 10**12)}
    ledger.reserve(Reservation("open", 5, NOON, NOON + 1), limits, 1)
    return ledger


def test_everything_arrives(source: Ledger, new_ledger: Callable[[], Ledger]) -> None:
    target, seen = new_ledger(), []
    done = copy(source, target, seen.append)
    assert (done.new, done.corrected, done.unchanged, done.differing) == (1234, 0, 0, [])
    assert seen[-1] == 1234
    assert target.time_zone == "Asia/Kathmandu"
    assert list(target.calls(ALL)) == list(source.calls(ALL))
    assert target.call("log5", "log") == source.call("c5")
    assert target.tasks(ALL) == source.tasks(ALL)
    assert target.days(ALL) == source.days(ALL)
    assert target.segments(["s"]) == source.segments(["s"])
    assert target.get("note", "n") == source.get("note", "n")
    assert target.spent(Where(since_us=NOON)) == source.spent(Where(since_us=NOON))
    assert target.check() == []


def test_again_brings_what_is_new_and_what_has_changed(
    source: Ledger, new_ledger: Callable[[], Ledger], line: Line
) -> None:
    target = new_ledger()
    copy(source, target)
    assert copy(source, target).unchanged == 1234
    source.book([line("later"), {"type": "amend", "id": "c3", "cost_pico": 3, "rate_id": "new"}])
    Spool(source.id).append(encode(line("in the spool")))
    done = copy(source, target)
    assert (done.new, done.corrected, done.differing) == (2, 1, [])
    assert target.call("c3") == source.call("c3")
    assert target.check() == []


def test_an_amendment_that_waits_for_its_call_waits_there_too(
    source: Ledger, new_ledger: Callable[[], Ledger], line: Line
) -> None:
    target = new_ledger()
    source.book([{"type": "amend", "id": name, "verifier": "edit"} for name in ("soon", "late")])
    for _ in range(2):
        assert copy(source, target).differing == []
    source.book([line("soon")])
    assert copy(source, target).differing == []
    target.book([line("late")])
    assert [target.call(name).verifier for name in ("soon", "late")] == ["edit", "edit"]
    assert target.check() == []


def test_again_gives_back_what_the_source_has_given_back(
    source: Ledger, new_ledger: Callable[[], Ledger]
) -> None:
    target, limits = new_ledger(), {"b": (Where(since_us=NOON), 10**12)}

    def reserve(ledger: Ledger, name: str) -> None:
        now = time.time_ns() // 1000
        assert ledger.reserve(Reservation(name, 7, now, now + 10**9), limits, 1) is None

    source.settle("open", None)
    reserve(source, "not sent")
    copy(source, target)
    assert target.spent(limits["b"][0]) == source.spent(limits["b"][0])
    reserve(target, "its own")
    source.settle("not sent", None)
    assert copy(source, target).differing == ["reservations: 0 rows there, 1 here"]
    target.settle("its own", None)
    assert copy(source, target).differing == []


def test_what_an_agent_writes_meanwhile_arrives_with_the_next_copy(
    source: Ledger, new_ledger: Callable[[], Ledger], line: Line
) -> None:
    target, day, pages = new_ledger(), {"b": (Where(since_us=NOON), 10**12)}, 0

    def work(calls: int) -> None:
        nonlocal pages
        pages += 1
        now = time.time_ns() // 1000
        for name in (f"booked {pages}", f"open {pages}"):
            held = Reservation(name, 7, now, now + 10**9)
            assert source.reserve(held, day, 1) is None
        source.book([
            line(f"booked {pages}", task="t1", cost_pico=5),
            line("again 5", source="log", response_id="r5"),
            {"type": "amend", "id": f"c{pages}", "cost_pico": pages},
            {"type": "task", "id": "t1", "outcome": "succeeded"},
        ])  # fmt: skip
        source.put("budget", "b", {"n": pages})
        Spool(source.id).append(encode(line(f"in the spool {pages}")))

    copy(source, target, work)
    source.settle("open 1", 3)
    assert copy(source, target).differing == []
    assert list(target.calls(ALL)) == list(source.calls(ALL))
    assert target.tasks(ALL) == source.tasks(ALL)
    assert target.get("budget", "b") == source.get("budget", "b")
    assert target.spent(day["b"][0]) == source.spent(day["b"][0])
    assert (target.check(), source.check()) == ([], [])


def test_it_goes_on_where_it_was_cut_off(source: Ledger, new_ledger: Callable[[], Ledger]) -> None:
    target = new_ledger()

    def cut(calls: int) -> None:
        if calls >= 500:
            raise LedgerUnreachable("the line went dead")

    with pytest.raises(LedgerUnreachable):
        copy(source, target, cut)
    done = copy(source, target)
    assert (done.new, done.unchanged, done.differing) == (734, 500, [])


def test_a_ledger_with_calls_of_its_own_is_left_alone(
    source: Ledger, new_ledger: Callable[[], Ledger], line: Line
) -> None:
    target = new_ledger()
    target.book([line("mine")])
    with pytest.raises(ConfigError, match="of its own"):
        copy(source, target)
    with pytest.raises(ConfigError, match="itself"):
        copy(source, source)
    assert len(list(target.calls(ALL))) == 1


def test_a_difference_is_told(
    source: Ledger, new_ledger: Callable[[], Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    from finops_pack.ledger import copy as module

    put = module.put_rows

    def careless(db: Any, rows: list[dict[str, Any]], zone: str) -> Any:
        changed = [{**row, "output_tokens": 1} if row["id"] == "c9" else row for row in rows]
        return put(db, changed, zone)

    monkeypatch.setattr(module, "put_rows", careless)
    told = copy(source, new_ledger()).differing
    assert told[0] == "call live/c9"
    assert told[1].startswith("sums of metered")
