"""Many processes with many threads at once: the exact count and the exact cost, and no complaint.

    python -m bench.load [--processes 16] [--threads 8] [--calls 100000]

Every process records into one ledger, drains and exits. A line on any process's stderr, such as
"database is locked", is a failure; so is a count or a sum that is off by one.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench._home import home_of
from finops_pack.ledger import open_ledger
from finops_pack.model import Where
from finops_pack.money import to_pico


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it; costs in pico-USD."""

    seconds: float
    drained_seconds: float
    expected: int
    acknowledged: int
    booked: int
    expected_pico: int
    booked_pico: int
    complaints: tuple[str, ...]

    @property
    def exact(self) -> bool:
        """True when nothing is missing, doubled, off or complained about."""
        counts = {self.expected, self.acknowledged, self.booked}
        return len(counts) == 1 and self.expected_pico == self.booked_pico and not self.complaints


def run(processes: int, threads: int, calls: int, folder: Path) -> Load:
    """Record, drain and count; `calls` of all processes together."""
    share = [calls // processes + (n < calls % processes) for n in range(processes)]
    began = time.perf_counter()
    with home_of(folder) as env:
        running = [_start(folder, n, threads, count, env) for n, count in enumerate(share)]
        complaints = [_complaints(process) for process in running]
        recorded = time.perf_counter()
        ledger = open_ledger(str(folder / "ledger.db"))
        pending = ledger.drain(600)
        drained = time.perf_counter()
        total = ledger.totals(None, Where())[0]
        faults = [*ledger.check(), *[f"{pending} lines left"] * bool(pending)]
        ledger.close()
    acks = sum(len(path.read_text().splitlines()) for path in folder.glob("*.acks"))
    return Load(
        recorded - began,
        drained - recorded,
        calls,
        acks,
        total.calls,
        sum(sum(range(count)) for count in share),
        to_pico(total.usd),
        (*filter(None, complaints), *faults),
    )


def _start(
    folder: Path, number: int, threads: int, calls: int, env: dict[str, str]
) -> subprocess.Popen[str]:
    acks = str(folder / f"{number}.acks")
    command = [sys.executable, "-m", "bench._recording", str(folder / "ledger.db"), acks]
    command += [f"p{number}", "--threads", str(threads), "--calls", str(calls)]
    return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)


def _complaints(process: subprocess.Popen[str]) -> str:
    _, told = process.communicate()
    return f"exit code {process.returncode}: {told}" if process.returncode or told else ""


def main() -> None:
    """Run and print; exit code 1 when anything is off."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--processes", type=int, default=16)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--calls", type=int, default=100_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        load = run(args.processes, args.threads, args.calls, Path(folder))
    print(f"{args.processes} processes x {args.threads} threads, {load.expected:,} calls")
    print(f"  acknowledged {load.acknowledged:,}, booked {load.booked:,}")
    print(f"  cost {load.booked_pico:,} of {load.expected_pico:,} pico-USD")
    print(f"  recorded in {load.seconds:.1f} s with start and exit, then drained in ", end="")
    print(f"{load.drained_seconds:.1f} s")
    print(f"  complaints: {len(load.complaints)}", *load.complaints[:5], sep="\n    ")
    sys.exit(not load.exact)


if __name__ == "__main__":
    main()
