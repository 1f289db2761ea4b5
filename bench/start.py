"""Start: wall time of `finops budget` on a large ledger and of `import finops_pack`.

    python -m bench.start [--calls 1000000] [--runs 21]

Whole processes, the variants taken in turn so that a slow moment meets them all. On a machine
that does other work too, compare the processor's time. Must reach: `finops budget` 60 ms,
`import finops_pack` 30 ms.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from finops_pack.ledger import open_ledger

MODELS = ("gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5", "claude-opus-4-5", "gemini-2.5-pro")
DAYS = 90
BATCH = 5000


def lines(count: int, now_us: int) -> Iterator[dict[str, Any]]:
    """Calls over 90 days, the last one a minute ago."""
    step = DAYS * 86_400_000_000 // count
    for n in range(count):
        yield {
            "type": "call",
            "id": f"c{n}",
            "start_us": now_us - 60_000_000 - (count - 1 - n) * step,
            "model": MODELS[n % 5],
            "provider": "openai",
            "project": f"p{n % 3}",
            "action": f"a{n % 12}",
            "task": f"t{n // 20}",
            "input_tokens": 4000,
            "output_tokens": 300,
            "cost_pico": 13_000_000_000 + n,
            "cost_state": "priced",
            "billing_mode": "metered",
        }


def fill(path: Path, count: int) -> float:
    """Book the calls; returns the seconds it took."""
    began = time.perf_counter()
    ledger = open_ledger(str(path))
    batch: list[dict[str, Any]] = []
    for line in lines(count, time.time_ns() // 1000):
        batch.append(line)
        if len(batch) == BATCH:
            ledger.book(batch)
            batch = []
    ledger.book(batch)
    ledger.put("budget", "day:everything", {"limit_usd": "500", "window": "day", "hard": True})
    ledger.close()
    return time.perf_counter() - began


def once(words: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Milliseconds of one whole process: wall, and of the processor."""
    began = time.perf_counter()
    done = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(done.pid, 0)
    wall = (time.perf_counter() - began) * 1000
    done.returncode = os.waitstatus_to_exitcode(status)
    assert done.returncode == 0, words
    return wall, (used.ru_utime + used.ru_stime) * 1000


def main() -> None:
    """Fill a ledger, then time the processes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=21)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        seconds = fill(path, args.calls)
        print(f"{args.calls:,} calls booked in {seconds:.0f} s, {path.stat().st_size >> 20} MB")
        environment = {**os.environ, "HOME": folder, "FINOPS_LEDGER": str(path)}
        environment["PYTHONPYCACHEPREFIX"] = folder  # compiled, as an installer leaves it
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        _compare(environment, args.runs)


def _compare(environment: dict[str, str], runs: int) -> None:
    python = sys.executable
    ours = [python, "-m", "finops_pack"]
    variants = {
        "bare python": [python, "-c", "pass"],
        "python + argparse, sqlite3, json": [python, "-c", "import argparse, sqlite3, json"],
        "import finops_pack": [python, "-c", "import finops_pack"],
        "finops budget": [*ours, "budget"],
        "finops budget --json": [*ours, "budget", "--json"],
        "finops spend --last 30d": [*ours, "spend", "--last", "30d"],
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in variants}
    for turn in range(runs + 1):
        for name, words in variants.items():
            times = once(words, environment)
            if turn:  # the first one compiles
                taken[name].append(times)
    print(f"  {'milliseconds':<34}  median    best   processor, best")
    for name, found in taken.items():
        wall, cpu = ([pair[i] for pair in found] for i in (0, 1))
        print(f"  {name:<34} {median(wall):7.1f} {min(wall):7.1f} {min(cpu):17.1f}")


if __name__ == "__main__":
    main()
