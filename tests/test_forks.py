"""A child of a fork imports what a thread of its parent was importing just then."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from finops_pack import forks
from finops_pack.ledger import open_ledger
from finops_pack.model import Where
from tests.forked import Child

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")

HEAD = """
import faulthandler, importlib.abc, os, sqlite3, sys, threading, time

started = threading.Event()
"""
SLOW_IMPORT = """
class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            started.set()
            time.sleep(0.3)

sys.modules.pop("sqlite3")
sys.meta_path.insert(0, Slow())
"""
SLOW_SQLITE = """
connect, mutex = sqlite3.connect, threading.Lock()  # as SQLite has its own, of the whole process

def slowly(*args, **kwargs):
    with mutex:
        started.set()
        time.sleep(0.3)
        return connect(*args, **kwargs)

sqlite3.connect = slowly
"""
FORK = """
from finops_pack import Usage, recorder

def call():
    recorder.get().begin(model="gpt-4o", messages=["hi"]).finish(Usage(9, 1), response="ho")

threading.Thread(target=call).start()
assert started.wait(10)
child = os.fork()
if not child:
    faulthandler.dump_traceback_later(8, exit=True)
    call()
    os._exit(0 if recorder.flush(5) else 3)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
QUESTION = """
import finops_pack

def ask():
    getattr(finops_pack, sys.argv[2])()

threading.Thread(target=ask).start()
assert started.wait(10)
child = os.fork()
if not child:
    faulthandler.dump_traceback_later(8, exit=True)
    ask()
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

WHAT_LOCKS = """
from finops_pack import forks, log

exec(sys.argv[1])  # and with it `logging`, which a fork asks before those that came earlier
import logging

def work():
    with forks.barred():
        started.set()
        time.sleep(0.2)
        exec(sys.argv[2])

threading.Thread(target=work).start()
assert started.wait(10)
began = time.monotonic()
child = os.fork()
if not child:
    os._exit(0)
os.waitpid(child, 0)
sys.exit(f"{took} s" if (took := time.monotonic() - began) > 1.5 else 0)
"""
BUSY = """
from finops_pack.ledger import open_ledger
from finops_pack.model import Where

ledger = open_ledger(os.environ["FINOPS_LEDGER"])

def busy(work):
    while True:
        work()

def book():
    ledger.book([{"type": "call", "id": os.urandom(8).hex(), "model": "m", "start_us": 10**15}])

for work in (book, lambda: ledger.totals("model", Where()), ledger.close):
    threading.Thread(target=busy, args=(work,), daemon=True).start()
for _ in range(20):
    child = os.fork()
    if not child:
        faulthandler.dump_traceback_later(8, exit=True)
        book()
        os._exit(0 if ledger.totals(None, Where())[0].calls else 3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
os._exit(0)
"""
OTHER = """
import sys
from finops_pack.ledger import open_ledger

ledger = open_ledger(sys.argv[1])
ledger.book([{"type": "call", "id": "of another", "model": "m", "start_us": 10**15}])
ledger.close()  # and with it what was written ahead, where nobody else has the ledger open
"""
CUT_OFF = """
import gc, subprocess
from finops_pack import Usage, forks, recorder
from finops_pack.ledger import open_ledger
from finops_pack.model import Where

forks._WAIT_SECONDS, over = 0.1, threading.Event()
path, way, other, killed = sys.argv[1:]
ledger = open_ledger(path)

def stay():
    with getattr(ledger, way)() as db:
        db.all("SELECT count(*) FROM calls")
        started.set()
        over.wait(30)

def call(name):
    recorder.record(id=name, model="gpt-4o", usage=Usage(9, 1))

def until(stage):
    while not os.path.exists(stage):
        time.sleep(0.01)

def reach(stage):
    os.close(os.open(stage, os.O_CREAT))

def elsewhere(code):
    subprocess.run([sys.executable, "-c", code, path], check=True)

thread = threading.Thread(target=stay)
thread.start()
assert started.wait(10)
child = os.fork()
if not child:
    faulthandler.dump_traceback_later(20, exit=True)
    until("closed")
    call("first")
    recorder.flush(2)
    reach("booked")
    until("closed again")
    elsewhere(killed)
    call("last")
    recorder.flush(2)  # and with it what was killed, whose spool goes
    os._exit(0)
over.set()
thread.join()
ledger.close()
gc.collect()
elsewhere(other)
reach("closed")
until("booked")
elsewhere(other)
reach("closed again")
assert os.waitpid(child, 0)[1] == 0
assert ledger.drain(5) == 0
print(*sorted(call.id for call in ledger.calls(Where())), *ledger.check(), sep=", ")
"""
KILLED = """
import os
from finops_pack import Usage, recorder

recorder.record(id="of one killed", model="gpt-4o", usage=Usage(9, 1))
os._exit(0)
"""


@pytest.mark.parametrize(
    "slow",
    [
        "sqlite3",  # in the thread of the first call
        "finops_pack.rates.tables",  # there, too, where no table is in the cache yet
        "finops_pack.sketch._words",  # in the one that reduces what calls leave
    ],
)
def test_a_fork_in_the_middle_of_an_import_leaves_no_child_waiting(slow: str) -> None:
    run_it(HEAD + SLOW_IMPORT + FORK, slow)


@pytest.mark.parametrize(
    ("question", "slow"),
    [
        ("spend", "finops_pack.query"),
        ("spend", "finops_pack.query.absent"),
        ("budget", "finops_pack.query.money_left"),
        ("find_waste", "finops_pack.waste"),
        ("find_waste", "finops_pack.waste.retries"),
        ("find_levers", "finops_pack.levers.batch"),
    ],
)
def test_a_fork_while_a_thread_asks_what_was_spent_leaves_no_child_waiting(
    question: str, slow: str
) -> None:
    run_it(HEAD + SLOW_IMPORT + QUESTION, slow, question)


def test_a_fork_while_a_thread_opens_the_ledger_leaves_no_child_waiting() -> None:
    run_it(HEAD + SLOW_SQLITE + FORK)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("import finops_pack.recorder", "logging.getLogger('of what is imported')"),
        ("log.warning('the first')", "log.warning('the second')"),
    ],
)
def test_a_fork_keeps_no_lock_from_the_thread_it_waits_for(first: str, then: str) -> None:
    run_it(HEAD + WHAT_LOCKS, first, then)


def test_a_child_has_the_ledger_that_its_parents_threads_are_busy_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINOPS_LEDGER", str(tmp_path / "busy.db"))
    run_it(HEAD + BUSY)


def child_that_books(book: Callable[[str], None], closed: Path) -> Child:
    """A forked child that books before and after its parent has closed the ledger."""

    def work() -> None:
        book("before")
        while not closed.exists():
            time.sleep(0.01)
        book("after")

    return Child(work)


def test_what_a_child_books_after_its_parent_has_closed_the_ledger_is_kept(tmp_path: Path) -> None:
    def book(call_id: str) -> None:
        ledger.book([{"type": "call", "id": call_id, "model": "m", "start_us": 10**15}])

    ledger, closed = open_ledger(str(tmp_path / "ledger.db")), tmp_path / "closed"
    book("of the parent")
    ledger.totals(None, Where())
    child = child_that_books(book, closed)
    while ledger.totals(None, Where())[0].calls < 2:
        time.sleep(0.01)
    ledger.close()
    closed.touch()
    assert child.ended() == 0
    assert ledger.totals(None, Where())[0].calls == 3
    assert ledger.check() == []
    ledger.close()


def test_what_a_child_books_after_a_thread_of_its_parent_has_read_and_ended_is_kept(
    tmp_path: Path,
) -> None:
    def book(call_id: str) -> None:
        ledger.book([{"type": "call", "id": call_id, "model": "m", "start_us": 10**15}])

    ledger, closed = open_ledger(str(tmp_path / "ledger.db")), tmp_path / "closed"
    book("of the parent")
    gc.disable()  # which may come late
    thread = threading.Thread(target=ledger.totals, args=(None, Where()))
    thread.start()
    thread.join()
    child = child_that_books(book, closed)
    gc.enable()
    while ledger.totals(None, Where())[0].calls < 2:
        time.sleep(0.01)
    ledger.close()
    gc.collect()
    run_it(OTHER, str(tmp_path / "ledger.db"))
    closed.touch()
    assert child.ended() == 0
    assert ledger.totals(None, Where())[0].calls == 4
    assert ledger.check() == []
    ledger.close()


def test_what_a_child_books_while_its_parent_reads_call_by_call_is_kept(tmp_path: Path) -> None:
    def book(call_id: str, calls: int = 1) -> None:
        line = {"type": "call", "model": "m", "start_us": 10**15}
        ledger.book([{**line, "id": f"{call_id} {n}"} for n in range(calls)])

    ledger, closed = open_ledger(str(tmp_path / "ledger.db")), tmp_path / "closed"
    book("of the parent", 1000)
    reading = iter(ledger.calls(Where()))
    next(reading)
    child = child_that_books(book, closed)
    while ledger.totals(None, Where())[0].calls < 1001:
        time.sleep(0.01)
    assert len(list(reading)) == 999
    ledger.close()
    run_it(OTHER, str(tmp_path / "ledger.db"))
    closed.touch()
    assert child.ended() == 0
    assert ledger.totals(None, Where())[0].calls == 1003
    assert ledger.check() == []
    ledger.close()


@pytest.mark.parametrize("way", ["_read", "_write"])
def test_no_call_is_lost_of_a_child_whose_fork_could_not_wait_for_a_thread_in_sqlite(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FINOPS_LEDGER", str(tmp_path / "ledger.db"))
    found = run_it(HEAD + CUT_OFF, str(tmp_path / "ledger.db"), way, OTHER, KILLED)
    assert found == "first, last, of another, of one killed\n"


def run_it(code: str, *words: str) -> str:
    command = [sys.executable, "-c", code, *words]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("sqlite", [False, True])
def test_a_child_is_cut_off_by_who_stayed_in_sqlite_and_not_by_a_slow_import(
    sqlite: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forks, "_WAIT_SECONDS", 0.1)
    within, over = threading.Event(), threading.Event()

    def stay() -> None:
        with forks.barred(), forks.barred(sqlite=sqlite):
            within.set()
            over.wait(10)

    thread = threading.Thread(target=stay)
    thread.start()
    within.wait(10)
    children = []
    for _ in range(2):
        children.append(Child(lambda: forks.cut_off).ended())
        over.set()
        thread.join()
    assert children == [sqlite, False]


def test_a_fork_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "_WAIT_SECONDS", 0.1)
    within, over = threading.Event(), threading.Event()

    def hang() -> None:
        with forks.barred():
            within.set()
            over.wait(10)

    thread = threading.Thread(target=hang)
    thread.start()
    within.wait(10)
    began = time.monotonic()
    forks._before()
    forks._after_in_parent()
    assert time.monotonic() - began < 5
    over.set()
    thread.join()
    with forks.barred():
        pass


def test_a_child_that_raises_is_its_parents_fault_and_goes_no_further() -> None:
    here, child = os.getpid(), Child(lambda: int("no number"))
    assert os.getpid() == here
    with pytest.raises(AssertionError, match="invalid literal"):
        child.ended()
