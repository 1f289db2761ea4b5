"""However a process ends: what was recorded arrives in the ledger."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable

import pytest

from finops_pack.model import Call

Calls = Callable[[], list[Call]]
HEAD = """
import asyncio, os, signal, sys, threading, time
import finops_pack
from finops_pack import Usage, recorder
def record(name):
    finops_pack.record(model="gpt-4o", provider="openai", usage=Usage(10, 1), action=name)
"""


def run(code: str, *, ends: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-c", HEAD + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == ends, done.stderr
    return done.stdout


ENDS = {
    "at its end": ("record('a')", 0),
    "sys.exit": ("record('a'); sys.exit(3)", 3),
    "exception": ("record('a'); raise KeyError", 1),
    "os._exit": ("record('a'); os._exit(4)", 4),
    "SIGKILL": ("record('a'); os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
    "SIGTERM": ("record('a'); os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
    "a thread": ("t = threading.Thread(target=record, args=('a',)); t.start()", 0),
    "a daemon thread": (
        "done = threading.Event()\n"
        "work = lambda: (record('a'), done.set(), time.sleep(60))\n"
        "t = threading.Thread(target=work, daemon=True); t.start(); done.wait(20)",
        0,
    ),
}


@pytest.mark.parametrize("how", ENDS)
def test_a_process_ends(calls: Calls, how: str) -> None:
    code, ends = ENDS[how]
    run(code, ends=ends)
    assert [row.action for row in calls()] == ["a"]


def test_fork_with_calls_on_both_sides(calls: Calls) -> None:
    code = """
        record("parent")
        open_call = recorder.get().begin(model="gpt-4o", action="open")
        children = []
        for n in range(4):
            pid = os.fork()
            if pid == 0:
                for _ in range(5):
                    record(f"child {n}")
                sys.exit(0)
            children.append(pid)
        for pid in children:
            os.waitpid(pid, 0)
        open_call.finish(Usage(10, 1))
        record("parent")
    """
    run(code)
    rows = calls()
    assert sorted(row.action or "" for row in rows) == sorted(
        ["parent"] * 2 + ["open"] + [f"child {n}" for n in range(4)] * 5
    )
    assert len({row.id for row in rows}) == 23
    assert {row.status for row in rows} == {"ok"}


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing(calls: Calls, method: str, tmp_path: os.PathLike[str]) -> None:
    script = os.path.join(tmp_path, "app.py")
    with open(script, "w") as file:
        file.write(
            HEAD
            + textwrap.dedent(f"""
            import multiprocessing
            if __name__ == "__main__":
                record("main")
                context = multiprocessing.get_context({method!r})
                with context.Pool(2) as pool:
                    pool.map(record, ["worker"] * 6)
                    pool.close()
                    pool.join()
            """)
        )
    subprocess.run([sys.executable, script], check=True, timeout=60)
    assert sorted(row.action or "" for row in calls()) == ["main"] + ["worker"] * 6


def test_a_cancelled_event_loop(calls: Calls) -> None:
    code = """
        async def work(name):
            record(name)
            call = recorder.get().begin(model="gpt-4o", action="open")
            await asyncio.sleep(30)
        async def main():
            tasks = [asyncio.create_task(work(f"t{n}")) for n in range(3)]
            await asyncio.sleep(0.05)
            for task in tasks: task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        asyncio.run(main())
    """
    run(code)
    rows = calls()
    assert sorted(row.action or "" for row in rows) == ["open"] * 3 + ["t0", "t1", "t2"]
    assert {row.status for row in rows if row.action == "open"} == {"unknown"}


def test_handlers_of_signals_are_the_users() -> None:
    code = """
        import finops_pack.auto
        record("a")
        print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
              signal.getsignal(signal.SIGINT) in (signal.default_int_handler, signal.SIG_IGN))
    """
    assert run(code).split() == ["True", "True"]


def test_nothing_is_written_to_the_users_loggers() -> None:
    code = """
        import logging
        logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
        import finops_pack.auto
        record("a")
        finops_pack.flush()
    """
    assert run(code) == ""


def test_an_exit_takes_at_most_half_a_second_more(calls: Calls) -> None:
    said = run("[record('a') for _ in range(20000)]; print(time.monotonic())")
    assert time.monotonic() - float(said) < 10  # 0.5 s of ours, on however busy a machine
    assert len(calls()) == 20000


def test_a_read_only_home_loses_nothing_while_tmp_can_be_written(
    calls: Calls, tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = os.path.join(tmp_path, "closed")
    os.mkdir(closed, 0o500)
    if os.access(closed, os.W_OK):
        pytest.skip("this user may write anywhere")
    monkeypatch.setenv("XDG_STATE_HOME", closed)
    run("record('a')")
    os.chmod(closed, 0o700)
    assert [row.action for row in calls()] == ["a"]
