"""Agents without a disk: what was flushed is on the server, however the process goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from finops_pack.ledger import open_ledger
from finops_pack.model import Where

ROOT = Path(__file__).parents[2]
CALLS = 20
HEAD = """
import asyncio, os, signal, sys, time
import finops_pack

def work(calls=20):
    for _ in range(calls):
        usage = finops_pack.Usage(input_tokens=1000, output_tokens=10)
        finops_pack.record(model="gpt-4o", usage=usage)

def say(word):
    print(word, flush=True)
"""
HANDLERS = {
    "function": """
        @finops_pack.serverless(timeout=60)
        def handler():
            work()
        handler()
    """,
    "coroutine": """
        @finops_pack.serverless(timeout=60)
        async def handler():
            work()
        asyncio.run(handler())
    """,
    "generator": """
        @finops_pack.serverless(timeout=60)
        def handler():
            yield 1
            work()
        assert list(handler()) == [1]
    """,
    "asynchronous generator": """
        @finops_pack.serverless(timeout=60)
        async def handler():
            yield 1
            work()
        async def read():
            return [part async for part in handler()]
        assert asyncio.run(read()) == [1]
    """,
    "an error": """
        @finops_pack.serverless(timeout=60)
        def handler():
            work()
            raise KeyError("the user's own")
        try:
            handler()
        except KeyError:
            pass
    """,
}


@pytest.fixture
def start(live, tmp_path):
    """Start a program whose ledger is the live server; killed at the end."""
    started = []

    def run(*command: str) -> subprocess.Popen[str]:
        home = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
        spools = {"FINOPS_SPOOL_DIR": str(tmp_path / "spools")}
        ours = {"FINOPS_LEDGER": live.url, "FINOPS_API_KEY": live.key}
        environment = {**os.environ, **home, **spools, **ours}
        started.append(subprocess.Popen([sys.executable, *command], env=environment, cwd=ROOT,
                                        stdout=subprocess.PIPE, text=True))  # fmt: skip
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def booked(live, tmp_path):
    """How many calls the server's own file holds, whatever still lies in spools."""
    path = str(tmp_path / "ledgers" / f"{live.account.id}.db")

    def count() -> int:
        ledger = open_ledger(path, create=False)
        try:
            return sum(total.calls for total in ledger.totals(None, Where()))
        finally:
            ledger.close()

    return count


def program(code: str) -> str:
    return HEAD + textwrap.dedent(code)


@pytest.mark.parametrize("kind", HANDLERS)
def test_frozen_straight_after_return(start, booked, kind):
    freeze = "\nos.kill(os.getpid(), signal.SIGSTOP)\n"
    process = start("-c", program(HANDLERS[kind]) + freeze)
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), "it ended instead"
    assert booked() == CALLS


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_pod_that_is_ended_after_a_flush(start, booked, end):
    code = "work()\nassert finops_pack.flush(60)\nsay('flushed')\ntime.sleep(60)"
    process = start("-c", program(code))
    assert process.stdout.readline() == "flushed\n"
    process.send_signal(end)
    assert process.wait(60) == -end
    assert booked() == CALLS


def test_a_sidecar_brings_what_nobody_flushed(start, booked):
    sidecar = start("-m", "finops_pack", "drain", "--follow")
    assert "until SIGTERM" in sidecar.stdout.readline()
    start("-c", program("work()\nos.kill(os.getpid(), signal.SIGKILL)")).wait(60)
    sidecar.send_signal(signal.SIGTERM)
    said, _ = sidecar.communicate(timeout=90)
    assert sidecar.returncode == 0, said
    assert booked() == CALLS


def test_a_drain_before_the_stop(start, booked):
    start("-c", program("work()\nos.kill(os.getpid(), signal.SIGKILL)")).wait(60)
    hook = start("-m", "finops_pack", "drain", "--timeout", "60")
    said, _ = hook.communicate(timeout=90)
    assert hook.returncode == 0, said
    assert booked() == CALLS


def test_an_unreachable_server_is_said_and_the_answer_returned(start, live):
    code = """
        import logging
        logging.basicConfig(stream=sys.stdout, format="%(message)s")
        os.environ["FINOPS_LEDGER"] = "http://127.0.0.1:1"
        @finops_pack.serverless(timeout=0.5)
        def handler():
            work(1)
            return "answer"
        assert handler() == "answer"
        say("done")
    """
    said, _ = start("-c", program(code)).communicate(timeout=90)
    assert "may be lost" in said
    assert "done\n" in said
