"""What the gate adds to a call, on SQLite: four processes at once, no budget, event loops.

    python -m bench.gate [--calls 2000] [--processes 4]

Each figure is the median (and p99) over calls of what `begin` and `finish` take, with a budget
and without one, in processes that call all at the same time with a pause between their calls,
as agents do. Must reach: 300 µs added at the median, nothing without a budget, and with eight
async workers a stall of the event loop of at most 5 ms at p99.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

TOP = Path(__file__).parent.parent
WORKERS = 8
WAIT_US = 250_000  # a call that waited so long for the ledger was refused
PAUSE = 0.01  # seconds between the calls of one process; a model takes longer
MESSAGES = [{"role": "user", "content": "word " * 500}]
BUDGETS = {"no budget": None, "1 budget": "9999 USD/day",
           "3 budgets": "9999 USD/day; 9999 USD/month; 999 USD/task"}  # fmt: skip


def one_call(messages: list[dict[str, str]] = MESSAGES) -> float:
    """Microseconds that one call spends in us."""
    from finops_pack import recorder
    from finops_pack.errors import BudgetExceeded
    from finops_pack.model import Usage

    rec = recorder.get()
    began = time.perf_counter_ns()
    try:
        call = rec.begin(model="gpt-4o", provider="openai", messages=messages, task="t",
                         max_output_tokens=200)  # fmt: skip
        call.finish(Usage(1000, 200, 600))
    except BudgetExceeded:  # no lock within 250 ms, on a machine with too much to do
        pass
    return (time.perf_counter_ns() - began) / 1000


def calls(count: int) -> list[float]:
    """A process's calls, each after a pause of its own length."""
    taken = []
    for _ in range(count):
        time.sleep(PAUSE * random.random() * 2)
        taken.append(one_call())
    return taken


def stalls(seconds: float) -> tuple[list[float], int]:
    """(ms that each tick of an event loop came late, calls made) with eight async workers."""
    late: list[float] = []
    made = 0

    async def worker(until: float) -> None:
        nonlocal made
        while time.monotonic() < until:
            one_call()
            made += 1
            await asyncio.sleep(random.random() * 0.1)

    async def ticks(until: float) -> None:
        while time.monotonic() < until:
            due = time.perf_counter() + 0.001
            await asyncio.sleep(0.001)
            late.append((time.perf_counter() - due) * 1000)

    async def all_of_them() -> None:
        until = time.monotonic() + seconds
        await asyncio.gather(ticks(until), *(worker(until) for _ in range(WORKERS)))

    asyncio.run(all_of_them())
    return late, made


def child(what: str, amount: str) -> None:
    """The measuring side, in a process of its own."""
    import finops_pack

    finops_pack.track()
    calls(20)
    if what == "calls":
        print(*(f"{taken:.1f}" for taken in calls(int(amount))))
        return
    late, made = stalls(float(amount))
    print(made, *(f"{ms:.3f}" for ms in late))


def measure(what: str, amount: str, processes: int, budget: str | None) -> list[list[float]]:
    """What each of so many processes at once printed."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "HOME": folder, "PYTHONPATH": str(TOP),
                       "XDG_STATE_HOME": folder, "XDG_CONFIG_HOME": folder}  # fmt: skip
        environment.pop("FINOPS_BUDGET", None)
        if budget:
            environment["FINOPS_BUDGET"] = budget
        words = [sys.executable, "-m", "bench.gate", "--child", what, amount]
        workers = [
            subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True, cwd=TOP)
            for _ in range(processes)
        ]
        said = [worker.communicate()[0] for worker in workers]
    return [[float(word) for word in text.split()] for text in said]


def quantile(values: list[float], share: float) -> float:
    """The value below which this share of them lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(*args.child)
        return
    print(
        f"a call, µs in us (load of the machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores)"
    )
    for processes in (1, args.processes):
        bare = 0.0
        for name, budget in BUDGETS.items():
            told = measure("calls", str(args.calls), processes, budget)
            taken = [one for each in told for one in each]
            bare = bare or median(taken)
            refused = sum(one > WAIT_US for one in taken)
            figures = f"median {median(taken):7.0f}   p99 {quantile(taken, 0.99):8.0f}"
            figures += f"   refused {refused}"
            print(f"  {processes} processes, {name:<10} {figures}   {median(taken) - bare:+7.0f}")
    print(f"event loop of {WORKERS} async workers, ms late a tick of 1 ms")
    for name, budget in BUDGETS.items():
        made, *late = measure("stalls", str(args.seconds), 1, budget)[0]
        print(f"  {name:<10} median {median(late):6.2f}   p99 {quantile(late, 0.99):6.2f}"
              f"   max {max(late):7.2f}   {made:.0f} calls")  # fmt: skip


if __name__ == "__main__":
    main()
