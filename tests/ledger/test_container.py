"""A container: nothing can be written but the temporary folder, workers are forked, and all die.

The root file system is read-only in effect: where state would go stands a file, which keeps
even root from making a folder there.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import finops_pack
from finops_pack.ledger import open_ledger
from finops_pack.model import Where

WORKERS = 8
SERVICE = """
    import os, signal, sys, time
    import finops_pack
    from finops_pack import Usage

    acks = os.open(os.environ["ACKS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def call(name, number):
        call_id = f"{name}-{number}"
        finops_pack.record(model="gpt-4o", provider="openai", id=call_id,
                           usage=Usage(input_tokens=100, output_tokens=number % 50))
        os.write(acks, f"{call_id}\\n".encode())

    finops_pack.track(project="service")
    call("master", 0)
    finops_pack.flush(0.2)

    def stopped(number, frame):
        os.write(acks, b"# handled\\n")
        sys.exit(0)

    workers = []
    for k in range(int(os.environ["WORKERS"])):
        child = os.fork()
        if not child:
            if k % 2:
                signal.signal(signal.SIGTERM, stopped)
            before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
            number = 0
            while True:
                call(f"worker{k}", number)
                number += 1
                assert before == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))
                time.sleep(0.001)
        workers.append(child)
    print(*workers, flush=True)
    for child in workers:
        os.waitpid(child, 0)
"""


def test_what_was_acknowledged_is_booked_once_the_ledger_can_be(tmp_path: Path) -> None:
    state, temporary = tmp_path / "read-only", tmp_path / "tmp"
    state.write_text("a file where the state folder would be")
    temporary.mkdir()
    env = {
        **{name: value for name, value in os.environ.items() if name != "FINOPS_SPOOL_DIR"},
        "XDG_STATE_HOME": str(state),
        "TMPDIR": str(temporary),
        "ACKS": str(temporary / "acks"),
        "WORKERS": str(WORKERS),
        "PYTHONPATH": str(Path(finops_pack.__file__).parent.parent),
    }
    command = [sys.executable, "-c", textwrap.dedent(SERVICE)]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        workers = [int(pid) for pid in service.stdout.readline().split()]
        assert len(workers) == WORKERS
        _until_each_has_recorded(temporary / "acks")
        for pid in workers:
            os.kill(pid, signal.SIGTERM)
    assert service.returncode == 0

    told = (temporary / "acks").read_text().splitlines()
    acknowledged = [line for line in told if not line.startswith("#")]
    assert told.count("# handled") == WORKERS // 2, "the user's handlers were left in place"
    assert len(acknowledged) == len(set(acknowledged)) > WORKERS
    assert list(temporary.rglob("*.spool")), "the spools lie in the folder that can be written"

    state.unlink()  # now the ledger's place can be written, as for a sidecar
    drain = [sys.executable, "-m", "finops_pack", "drain", "--json"]
    done = subprocess.run(drain, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ledger = open_ledger(str(state / "finops" / "ledger.db"), create=False)
    booked = {call.id for call in ledger.calls(Where())}
    total = ledger.totals(None, Where())[0]
    ledger.close()
    assert set(acknowledged) <= booked
    assert len(booked) <= len(acknowledged) + WORKERS, "written, but killed before it was said"
    assert total.calls == len(booked)
    assert not list(temporary.rglob("*.spool")), "nobody owns them any more"


def _until_each_has_recorded(acks: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        told = acks.read_text()
        if all(f"worker{k}-5\n" in told for k in range(WORKERS)):
            return
        time.sleep(0.02)
    pytest.fail("some workers never recorded")
