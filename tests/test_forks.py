"""A child of a fork imports what a thread of its parent was importing just then."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest

from finops_pack import forks

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")

CHILD_OF_AN_IMPORT = """
import faulthandler, importlib.abc, os, sys, threading, time

slow, started = sys.argv[1], threading.Event()

class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == slow:
            started.set()
            time.sleep(0.3)

sys.meta_path.insert(0, Slow())
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


@pytest.mark.parametrize(
    "slow",
    [
        "sqlite3",  # in the thread of the first call
        "finops_pack.rates.tables",  # there, too, where no table is in the cache yet
        "finops_pack.sketch._words",  # in the one that reduces what calls leave
    ],
)
def test_a_fork_in_the_middle_of_an_import_leaves_no_child_waiting(slow: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", CHILD_OF_AN_IMPORT, slow], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr


def test_a_fork_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "_WAIT_SECONDS", 0.1)
    within, over = threading.Event(), threading.Event()

    def hang() -> None:
        with forks.importing():
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
    with forks.importing():
        pass
