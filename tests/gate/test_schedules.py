"""Any order of reserve, settle, crash, booking and clock change keeps within the limit."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops_pack.budgets import bounds, parse
from finops_pack.ledger import Ledger, Reservation, open_ledger
from finops_pack.model import Where

TOP = Path(__file__).parent.parent.parent
EXAMPLES = int(os.environ.get("SCHEDULES", "100"))  # 10,000 by hand: SCHEDULES=10000 pytest …
DOLLAR = 10**12
LIMIT = 10 * DOLLAR
LEASE_US = 900 * 10**6
NOON_US = 1_790_000_000_000_000
BUDGETS = [parse("10 USD/day"), parse("10 USD/24h"), parse("10 USD/month"), parse("10 USD/task")]

AMOUNT = st.integers(1, 4 * DOLLAR)
RESERVE = st.tuples(st.just("reserve"), AMOUNT, st.booleans())  # False: its size was unknown
END = st.tuples(
    st.sampled_from(["settle", "settle and book", "book", "book unknown", "lose", "release"]),
    st.integers(0, 9),
    st.integers(0, 100),
)
CLOCK = st.tuples(st.just("clock"), st.integers(-4 * 3600, 30 * 3600), st.just(0))
STEPS = st.lists(st.one_of(RESERVE, RESERVE, END, END, CLOCK), min_size=5, max_size=40)


@dataclass
class Open:
    """A call in flight: what was reserved for it, and what it may cost beyond that."""

    id: str
    pico: int
    made_us: int
    known: bool


class World:
    """A ledger, the calls in flight, and what each call has really cost and when."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.now_us = NOON_US
        self.open: list[Open] = []
        self.true: dict[str, tuple[int, int]] = {}  # id -> (made, pico that count)
        self.over: dict[str, int] = {}  # id -> pico beyond what was reserved
        self.went_back = False
        self._made = 0

    def limits(self) -> dict[str, tuple[Where, int]]:
        now = datetime.fromtimestamp(self.now_us / 1e6, UTC)
        return {b.id: (b.where(now, UTC, task="t"), LIMIT) for b in BUDGETS}

    def reserve(self, pico: int, known: bool) -> None:
        self._made += 1
        name = f"c{self._made}"
        wanted = Reservation(name, pico, self.now_us, self.now_us + LEASE_US)
        if self.ledger.reserve(wanted, self.limits(), 1.0) is None:
            self.open.append(Open(name, pico, self.now_us, known))
            self.true[name] = (self.now_us, pico)
            for where, limit in self.limits().values():
                assert self.total(where) <= limit

    def total(self, where: Where) -> int:
        since = where.since_us or 0
        return sum(pico for made, pico in self.true.values() if made >= since)

    def end(self, how: str, which: int, percent: int) -> None:
        if not self.open:
            return
        call = self.open.pop(which % len(self.open))
        cost = call.pico * percent // 100 if call.known else call.pico * (100 + percent) // 100
        if how == "lose":
            return  # killed: nobody settles it, it counts as it was reserved
        if how == "release":
            self.ledger.settle(call.id, None)
            self.true[call.id] = (call.made_us, 0)
            return
        if how == "book unknown":
            self.book(call, None)
            return
        self.true[call.id] = (call.made_us, cost)
        self.over[call.id] = max(0, cost - call.pico)
        if how.startswith("settle"):
            self.ledger.settle(call.id, cost)
        if how.endswith("book"):
            self.book(call, cost)

    def book(self, call: Open, cost: int | None) -> None:
        line = {"type": "call", "id": call.id, "start_us": call.made_us, "model": "gpt-4o",
                "task": "t", "billing_mode": "metered"}  # fmt: skip
        known = {"cost_pico": cost, "cost_state": "priced"}
        self.ledger.book([{**line, **(known if cost is not None else {"usage_basis": "unknown"})}])

    def holds(self) -> None:
        """The ledger says what is true; no more than the limit but for sizes nobody knew.

        A clock that goes back brings days together that were held one by one.
        """
        beyond = sum(self.over.values())
        for where, limit in self.limits().values():
            spent, reserved = self.ledger.spent(where)
            assert spent >= 0
            assert reserved >= 0
            assert spent + reserved == self.total(where)
            assert self.went_back or spent + reserved <= limit + beyond


@pytest.fixture(scope="module")
def ledger() -> Iterator[Ledger]:
    with tempfile.TemporaryDirectory() as folder:
        made = open_ledger(f"{folder}/ledger.db")
        yield made
        made.close()


@settings(max_examples=EXAMPLES, deadline=None)
@given(steps=STEPS)
def test_never_over_but_by_what_nobody_knew(ledger: Ledger, steps: list[tuple]) -> None:
    with ledger._write() as db:  # type: ignore[attr-defined]
        for table in ("calls", "reservations", "scopes", "scope_hours", "by_day", "by_task",
                      "by_agent", "by_session", "aliases"):  # fmt: skip
            db.run(f"DELETE FROM {table}")
    world = World(ledger)
    for step, first, second in steps:
        if step == "reserve":
            world.reserve(first, second)
        elif step == "clock":
            world.now_us += first * 10**6
            world.went_back |= first < 0
        else:
            world.end(step, first, second)
        world.holds()


WORKER = """
import random, sys, time
from datetime import UTC, datetime
from finops_pack.budgets import parse
from finops_pack.ledger import Reservation, open_ledger
from finops_pack.ledger.spool import Spool, encode
path, seed = sys.argv[1], int(sys.argv[2])
chance, budget, ledger = random.Random(seed), parse("10 USD/day"), open_ledger(path)
spool = Spool(ledger.id)
print("ready", flush=True)
sys.stdin.readline()  # so that all begin at once, however long each took to start
for n in range(60):
    time.sleep(chance.random() / 200)
    now = time.time_ns() // 1000
    name, pico = f"{seed}-{n}", chance.randrange(1, 10**12)
    limits = {"day": (budget.where(datetime.now(UTC)), 10**13)}
    if ledger.reserve(Reservation(name, pico, now, now + 9 * 10**8), limits, 5.0):
        continue
    cost = pico * chance.randrange(101) // 100
    print(pico, flush=True)
    what = chance.randrange(5)
    if what == 0:
        continue  # lost
    line = {"type": "call", "id": name, "start_us": now, "model": "m", "cost_pico": cost,
            "cost_state": "priced", "billing_mode": "metered"}
    if what > 1:
        spool.append(encode(line))
    if what != 2:
        ledger.settle(name, cost)
    if what == 4:
        ledger.drain(0.2)
    said = ledger.spent(limits["day"][0])
    assert 0 <= said[0] and 0 <= said[1] and sum(said) <= 10**13, said
"""


def test_four_processes_at_once_keep_it(empty_home: Path) -> None:
    path = str(empty_home / "ledger.db")
    open_ledger(path).close()
    env = {**os.environ, "PYTHONPATH": str(TOP)}
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, path, str(seed)], env=env,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for seed in range(4)
    ]  # fmt: skip
    assert [worker.stdout.readline() for worker in workers] == [b"ready\n"] * 4
    for worker in workers:
        worker.stdin.write(b"go\n")
        worker.stdin.flush()
    said = [worker.communicate(timeout=240)[0].split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 4
    assert all(said)
    made = open_ledger(path)
    made.drain(10)
    day = bounds("day", datetime.now(UTC))[0]
    assert day is not None
    spent, reserved = made.spent(Where(since_us=int(day.timestamp() * 1e6)))
    made.close()
    assert 5 * 10**12 < spent + reserved <= 10**13
    assert sum(int(pico) for one in said for pico in one) >= spent + reserved
