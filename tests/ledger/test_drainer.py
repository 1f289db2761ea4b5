"""The daemon thread: started by a record, elected, bounded, rebuilt after a fork."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from finops_pack import config
from finops_pack.ledger import _lock, ledger_id, open_ledger, sqlite_path
from finops_pack.model import Where

HEAD = """
    import json, os, signal, sys, threading, time
    from finops_pack import config
    from finops_pack.ledger import drainer, ledger_id, open_ledger
    from finops_pack.ledger.spool import Spool, encode
    from finops_pack.model import Where

    url = config.load().ledger
    def line(n, **more):
        return encode({"type": "call", "id": f"{os.getpid()}-{n}", "start_us": 10**15, **more})
    def booked():
        return open_ledger(url).totals(None, Where())[0].calls
    mine = Spool(ledger_id(url))
    drainer.start(url)
"""


def python(code: str, *, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own."""
    code = textwrap.dedent(HEAD) + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        check=check, capture_output=True, text=True, timeout=60, env={**os.environ, **env},
    )  # fmt: skip


def booked() -> int:
    ledger = open_ledger(config.load().ledger)
    try:
        return ledger.totals(None, Where())[0].calls
    finally:
        ledger.close()


def test_flush_means_it_is_in_the_ledger() -> None:
    run = python("""
        for n in range(700):
            assert mine.append(line(n))
        assert drainer.flush(20)
        print(booked())
        assert drainer.flush(20)
    """)
    assert run.stdout == "700\n"


def test_what_stood_in_a_spool_that_was_deleted_is_flushed_too() -> None:
    run = python("""
        import shutil
        mine.append(line(0))
        drainer.flush(20)
        mine.append(line(1))
        shutil.rmtree(mine.path.parent)
        print(drainer.flush(20), booked())
        mine.append(line(2))
        shutil.rmtree(mine.path.parent)
    """)
    assert run.stdout == "True 2\n"
    assert booked() == 3


def test_a_spool_is_drained_wherever_its_process_has_gone_since(tmp_path: Path) -> None:
    run = python(f"""
        os.chdir({str(tmp_path)!r})
        mine.append(line(0))
        os.chdir("/")
        print(drainer.flush(20), booked())
    """, FINOPS_SPOOL_DIR="beside")  # fmt: skip
    assert run.stdout == "True 1\n"


def test_it_drains_by_itself_and_at_exit() -> None:
    run = python("""
        mine.append(line(0))
        until = time.monotonic() + 20
        while not os.path.exists(url) or not booked():
            assert time.monotonic() < until
            time.sleep(0.05)
        mine.append(line(1))
    """)
    assert not run.stderr
    assert booked() == 2


def test_a_process_that_was_killed_left_nothing_out() -> None:
    python("""
        for n in range(50):
            assert mine.append(line(n))
        os.kill(os.getpid(), signal.SIGKILL)
    """, check=False)  # fmt: skip
    ledger = open_ledger(config.load().ledger)
    assert ledger.drain(20) == 0
    assert ledger.totals(None, Where())[0].calls == 50
    ledger.close()


def test_children_of_a_fork_drain_for_themselves() -> None:
    run = python("""
        mine.append(line("parent"))
        assert drainer.flush(20)
        children = []
        for k in range(4):
            child = os.fork()
            if not child:
                ok = mine.append(line("child")) and drainer.flush(20)
                os._exit(not ok)
            children.append(child)
        assert [os.waitpid(c, 0)[1] for c in children] == [0] * 4
        mine.append(line("parent again"))
        assert drainer.flush(20)
        print(booked())
    """)
    assert run.stdout == "6\n"


def test_a_child_that_records_nothing_starts_no_thread() -> None:
    run = python("""
        mine.append(line("parent"))
        assert drainer.flush(20)
        child = os.fork()
        if not child:
            os._exit(threading.active_count() != 1 or not drainer.flush(1))
        print(os.waitpid(child, 0)[1])
    """)
    assert run.stdout == "0\n"


def test_one_of_many_is_elected_and_the_next_one_after_its_end() -> None:
    run = python("""
        mine.append(line(0))
        assert drainer.flush(20)
        time.sleep(0.5)
        worker = drainer._workers[url]
        print(worker._elected())
        other = drainer._Worker(url)
        print(other._elected())
        worker.resign()
        print(other._elected())
    """)
    assert run.stdout.split() == ["True", "False", "True"]


def test_one_that_cannot_open_the_ledger_lets_another_be_elected(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run = python(
        """
        mine.append(line(0))
        assert not drainer.flush(1.0)
        time.sleep(0.5)
        other, until = drainer._Worker(url), time.monotonic() + 5
        while not (elected := other._elected()) and time.monotonic() < until:
            time.sleep(0.01)
        print(elected)
        """,
        FINOPS_LEDGER=str(tmp_path / "file" / "ledger.db"),
    )
    assert run.stdout == "True\n"


def test_an_exit_with_a_locked_ledger_takes_half_a_second() -> None:
    python("mine.append(line(0)); drainer.flush(20)")
    held = os.open(sqlite_path(config.load().ledger) + ".lock", os.O_RDWR)
    assert _lock.take(held)
    began = time.monotonic()
    run = python("""
        mine.append(line(1))
        said = time.monotonic()
        import atexit
        atexit._run_exitfuncs()
        print(json.dumps(time.monotonic() - said))
    """)
    assert json.loads(run.stdout) < 0.75, "half a second, and what a busy machine adds"
    assert time.monotonic() - began < 5
    os.close(held)
    ledger = open_ledger(config.load().ledger)
    assert ledger.drain(20) == 0
    assert ledger.totals(None, Where())[0].calls == 2
    ledger.close()


def test_two_that_wait_at_exit_wait_once() -> None:
    """The recorder flushes as it closes; the drainer's own wait does not come on top."""
    python("mine.append(line(0)); drainer.flush(20)")
    held = os.open(sqlite_path(config.load().ledger) + ".lock", os.O_RDWR)
    assert _lock.take(held)
    run = python("""
        import atexit
        mine.append(line(1))
        atexit.register(lambda: drainer.flush(0.4))
        said = time.monotonic()
        atexit._run_exitfuncs()
        print(json.dumps(time.monotonic() - said))
    """)
    os.close(held)
    assert json.loads(run.stdout) < 0.75


def test_a_ledger_that_cannot_be_is_warned_of_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run = python(
        """
        for n in range(3):
            assert mine.append(line(n))
            assert not drainer.flush(0.3)
        print("done")
        """,
        FINOPS_LEDGER=str(tmp_path / "file" / "ledger.db"),
    )
    assert run.stdout == "done\n"
    assert run.stderr.count("finops:") == 1


def test_the_users_signal_handlers_stay() -> None:
    run = python("""
        handlers = [signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)]
        mine.append(line(0))
        drainer.flush(20)
        print(handlers == [signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)])
    """)
    assert run.stdout == "True\n"


def test_idle_it_sleeps() -> None:
    run = python("""
        mine.append(line(0))
        drainer.flush(20)
        time.sleep(1.0)
        before = time.thread_time(), time.process_time()
        time.sleep(2.0)
        print(time.process_time() - before[1])
    """)
    assert float(run.stdout) < 0.02, "about one percent of a core"


def test_warnings_never_use_the_root_logger() -> None:
    source = Path(ledger_id.__code__.co_filename).parent
    for path in source.glob("*.py"):
        text = path.read_text()
        assert "logging.warning" not in text
        assert "print(" not in text
