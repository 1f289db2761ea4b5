"""SIGKILL at random instants: no acknowledged call missing or doubled, the ledger whole.

    python -m bench.kill [--rounds 200]

Each round, two processes with two threads each record, rotate and drain; both are killed at a
random instant, or at a chosen place inside drain, rollup, rotation or deletion. Then
everything is drained and compared with what was acknowledged.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bench._home import home_of
from bench._recording import POINTS
from finops_pack.ledger import open_ledger
from finops_pack.model import Where

PROCESSES, THREADS = 2, 2
ROTATE_BYTES = 40_000
LEDGER_ROUNDS = 10  # rounds that share a ledger, so that drains meet what others left


@dataclass(slots=True)
class Result:
    """What the rounds have shown."""

    rounds: int = 0
    acknowledged: int = 0
    booked: int = 0
    missing: int = 0
    doubled: int = 0
    faults: list[str] = field(default_factory=list)
    deaths: Counter[str] = field(default_factory=Counter)

    @property
    def sound(self) -> bool:
        """True when nothing acknowledged is missing or doubled and every check held."""
        return not (self.missing or self.doubled or self.faults)


def run(rounds: int, folder: Path, *, seed: int = 1, quiet: bool = True) -> Result:
    """Kill and count; `folder` holds the ledgers."""
    result, chance = Result(), random.Random(seed)
    for number in range(rounds):
        home = folder / f"ledger-{number // LEDGER_ROUNDS}"
        home.mkdir(exist_ok=True)
        _round(number, home, chance, result)
        if (number + 1) % LEDGER_ROUNDS == 0 or number + 1 == rounds:
            _audit(home, result)
            if not quiet:
                print(f"{number + 1:4} rounds: {_told(result)}", flush=True)
    return result


def _round(number: int, home: Path, chance: random.Random, result: Result) -> None:
    point = chance.choice([None, None, *POINTS])
    processes = [_start(home, f"r{number}p{k}", point) for k in range(PROCESSES)]
    until = time.monotonic() + 20
    while len(list(home.glob(f"r{number}p*.acks"))) < PROCESSES and time.monotonic() < until:
        time.sleep(0.005)
    until = min(until, time.monotonic() + 2 * bool(point))
    while all(p.poll() is None for p in processes) and time.monotonic() < until:
        time.sleep(0.005)  # one is to die at that place, while the other one goes on
    time.sleep(chance.uniform(0.0, 0.5))
    for process in processes:
        died = process.poll() == -signal.SIGKILL
        result.deaths[point if died and point else "at random"] += 1
        process.kill()
        process.wait()
    result.rounds += 1


def _start(home: Path, name: str, point: str | None) -> subprocess.Popen[bytes]:
    acks = str(home / f"{name}.acks")
    command = [sys.executable, "-m", "bench._recording", str(home / "ledger.db"), acks, name]
    command += ["--threads", str(THREADS), "--rotate", str(ROTATE_BYTES), "--pause", "0.5"]
    command += ["--die", point] if point else []
    with home_of(home) as env:
        return subprocess.Popen(command, env=env)


def _audit(home: Path, result: Result) -> None:
    """Drain what the dead have left, then compare."""
    with home_of(home):
        ledger = open_ledger(str(home / "ledger.db"))
        pending = ledger.drain(120)
        booked = Counter(call.id for call in ledger.calls(Where()))
        total = ledger.totals(None, Where())[0]
        faults = ledger.check()
        ledger.close()
    acked = Counter(ack for path in home.glob("*.acks") for ack in path.read_text().splitlines())
    result.acknowledged += len(acked)
    result.booked += len(booked)
    result.missing += len(acked.keys() - booked.keys())
    result.doubled += total.calls - len(booked)
    result.faults += faults
    result.faults += [f"{pending} lines were left in the spools"] * bool(pending)
    result.faults += [str(path) for path in home.rglob("*.spool")]


def _told(result: Result) -> str:
    return (
        f"{result.acknowledged:,} acknowledged, {result.booked:,} booked, "
        f"{result.missing} missing, {result.doubled} doubled, {len(result.faults)} faults"
    )


def main() -> None:
    """Run and print; exit code 1 when anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = run(args.rounds, Path(folder), seed=args.seed, quiet=False)
    deaths = ", ".join(f"{count} {where}" for where, count in sorted(result.deaths.items()))
    print(f"{result.rounds} rounds x {PROCESSES} processes x {THREADS} threads; killed {deaths}")
    print(_told(result))
    for fault in result.faults[:20]:
        print(f"  {fault}")
    sys.exit(not result.sound)


if __name__ == "__main__":
    main()
