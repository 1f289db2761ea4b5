"""A process that records until it is killed, for the proofs; acknowledges what was kept.

    python -m bench._recording URL ACKS NAME [--threads N] [--calls N] [--pause MS] [--die POINT]

Each acknowledged call is a line in the file ACKS, written after `append` has said True.
"""

from __future__ import annotations

import argparse
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from finops_pack.ledger import _drain, _sqlite, drainer, ledger_id, spool, sqlite
from finops_pack.ledger.spool import Spool, encode

POINTS = ("booking", "booked", "rotating", "forgetting", "deleting", "opening")
"""Places to be killed at: in a transaction, after its commit, in a rotation, and so on."""


def line(call_id: str, number: int) -> dict[str, Any]:
    """A call that costs `number` pico-USD, one of many tasks, models and agents."""
    return {
        "type": "call",
        "id": call_id,
        "start_us": 1_763_985_600_000_000 + number * 30_000_000,
        "model": f"model-{number % 5}",
        "provider": "openai",
        "task": f"task-{number % 50}",
        "session": f"session-{number % 9}",
        "agent": f"agent-{number % 3}",
        "action": f"action-{number % 4}",
        "tags": {"customer": f"c{number % 7}"},
        "input_tokens": number % 1000,
        "output_tokens": 7,
        "cost_pico": number,
        "cost_state": "priced",
        "billing_mode": "metered",
    }


def main() -> None:
    """Record from some threads; with --die, be killed at a chosen place instead of at random."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("acks")
    parser.add_argument("name")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--calls", type=int, default=10**9, help="of all threads together")
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--die", choices=POINTS)
    parser.add_argument("--rotate", type=int, default=spool.ROTATE_BYTES)
    args = parser.parse_args()
    spool.ROTATE_BYTES = args.rotate
    if args.die:
        _die_at(args.die)
    acks = os.open(args.acks, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    mine = Spool(ledger_id(args.url))
    drainer.start(args.url)

    def record(thread: int) -> None:
        for number in range(thread, args.calls, args.threads):
            call_id = f"{args.name}-{thread}-{number}"
            if mine.append(encode(line(call_id, number))):
                os.write(acks, f"{call_id}\n".encode())
            if args.pause:
                time.sleep(args.pause / 1000)

    threads = [threading.Thread(target=record, args=(n,)) for n in range(args.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _die_at(point: str) -> None:
    """Kill this process as it passes that place for the third time."""
    if point == "booking":
        _kill_in(_sqlite.Connection, "run", before=60)
    elif point == "booked":
        _kill_in(sqlite.SQLiteLedger, "book", after=3)
    elif point == "rotating":
        _kill_in(Spool, "_opened", before=4)
    elif point == "forgetting":
        _kill_in(sqlite.SQLiteLedger, "forget_spool", after=3)
    elif point == "deleting":
        _kill_in(_drain.Drain, "_delete_finished", after=3)
    else:
        _kill_in(Spool, "_opened", after=4)


def _kill_in(owner: Any, name: str, *, before: int = 0, after: int = 0) -> None:
    method: Callable[..., Any] = getattr(owner, name)
    passed = 0

    def deadly(*args: Any, **kwargs: Any) -> Any:
        nonlocal passed
        passed += 1
        if passed == before:
            os.kill(os.getpid(), signal.SIGKILL)
        result = method(*args, **kwargs)
        if passed == after:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, deadly)


if __name__ == "__main__":
    main()
