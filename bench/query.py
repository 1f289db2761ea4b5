"""Questions to a large ledger: the 30-day screen's, a budget's; from rollups and from the calls.

    python -m bench.query [--calls 1000000]

Must reach: the 30-day screen's query 10 ms. The right column asks the same of the calls
themselves, with their index by time: what it would cost without rollups.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.start import fill
from finops_pack.ledger import Reservation
from finops_pack.ledger.rollup import day_of, day_start
from finops_pack.ledger.sqlite import SQLiteLedger
from finops_pack.model import Where

RUNS = 15
DAY_US = 86_400_000_000
_RAW = "SELECT {what}, SUM(cost_pico), COUNT(*) FROM calls WHERE start_us >= ? GROUP BY 1"


def main() -> None:
    """Fill a ledger, then print milliseconds a question."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=1_000_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        seconds = fill(path, args.calls)
        print(f"{args.calls:,} calls over 90 days, booked at {args.calls / seconds:,.0f} a second")
        ledger = SQLiteLedger(str(path))
        raw = sqlite3.connect(path)
        print(f"{'':38}{'rollup ms':>12}{'calls ms':>12}")
        for name, ours, theirs in _questions(ledger, raw):
            print(f"{name:38}{timed(ours):>12.2f}{timed(theirs, 3):>12.1f}")
        _reservations(ledger)
        raw.close()
        ledger.close()


def _questions(
    ledger: SQLiteLedger, raw: sqlite3.Connection
) -> list[tuple[str, Callable[[], object], Callable[[], object]]]:
    now = time.time_ns() // 1000
    today = day_of(now, ledger.time_zone)
    month = Where(since_us=day_start(today - 29, ledger.time_zone))
    last_30 = Where(since_us=now - 30 * DAY_US)

    def asked(what: str) -> Callable[[], object]:
        return lambda: raw.execute(_RAW.format(what=what), (month.since_us,)).fetchall()

    return [
        ("30-day screen: day x model x action", lambda: ledger.days(month), asked("day")),
        ("30 days by model", lambda: ledger.totals("model", month), asked("model")),
        (
            "30 days to the minute, by model",
            lambda: ledger.totals("model", last_30),
            asked("model"),
        ),
        ("30 days by task, dearest first", lambda: ledger.totals("task", month), asked("task")),
        ("20 newest tasks", lambda: ledger.tasks(Where(), limit=20), asked("task")),
        ("spent this month, one project", lambda: ledger.spent(_of(month)), asked("project")),
        ("first and last call", ledger.span, asked("1")),
    ]


def _of(where: Where) -> Where:
    return Where(since_us=where.since_us, project="p1")


def _reservations(ledger: SQLiteLedger) -> None:
    """What the gate adds to a call: two budgets asked, then the true cost told."""
    now = time.time_ns() // 1000
    today = day_start(day_of(now, ledger.time_zone), ledger.time_zone)
    limits = {
        "day": (Where(since_us=today), 10**18),
        "month": (Where(since_us=today - 29 * DAY_US, project="p1"), 10**18),
    }
    times: dict[str, list[float]] = {"reserve": [], "settle": []}
    for n in range(2000):
        wanted = Reservation(f"r{n}", tuple(limits), 10**9, now, now + 10**9)
        began = time.perf_counter()
        ledger.reserve(wanted, limits, 0.25)
        asked = time.perf_counter()
        ledger.settle(wanted.call_id, None)
        times["reserve"].append(asked - began)
        times["settle"].append(time.perf_counter() - asked)
    for name, all_of in times.items():
        all_of.sort()
        p50, p99 = all_of[len(all_of) // 2] * 1e6, all_of[len(all_of) * 99 // 100] * 1e6
        print(f"{name}: p50 {p50:.0f} µs, p99 {p99:.0f} µs, worst {all_of[-1] * 1e3:.1f} ms")


def timed(act: Callable[[], object], runs: int = RUNS) -> float:
    """Median milliseconds, warm."""
    act()
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    return median(took) * 1000


if __name__ == "__main__":
    main()
