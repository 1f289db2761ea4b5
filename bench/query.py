"""Questions to a large ledger: the 30-day screen's, a budget's; from rollups and from the calls.

    python -m bench.query [--calls 1000000] [--postgresql]

Must reach: the 30-day screen's query 10 ms; `finops budget` as a whole process 60 ms on SQLite,
250 ms on PostgreSQL. The right column asks the same of the calls themselves, with their index by
time: what it would cost without rollups.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

import psycopg

from bench import _postgres_calls
from bench.server_load import postgres
from bench.start import fill, once
from finops_pack.ledger import Ledger, Reservation, open_ledger
from finops_pack.ledger.rollup import day_of, day_start
from finops_pack.model import Where

RUNS = 15
DAY_US = 86_400_000_000
_RAW = "SELECT {what}, SUM(cost_pico), COUNT(*) FROM calls WHERE start_us >= {since} GROUP BY 1"
Ask = Callable[[str], object]


def main() -> None:
    """Fill a ledger, then print milliseconds a question."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--postgresql", action="store_true", help="a server of our own")
    args = parser.parse_args()
    filled = _in_postgres if args.postgresql else _in_sqlite
    with filled(args.calls) as (url, ask), closing(open_ledger(url)) as ledger:
        print(f"{'':38}{'rollup ms':>12}{'calls ms':>12}")
        for name, ours, theirs in _questions(ledger, ask):
            print(f"{name:38}{timed(ours):>12.2f}{timed(theirs, 3):>12.1f}", flush=True)
        _reservations(ledger)
        _budget(url)
        _sound(ledger)


def _sound(ledger: Ledger) -> None:
    """Every rollup is what the calls add up to."""
    began = time.perf_counter()
    said = ledger.check() or "sound"
    print(f"all rollups against all calls: {said}, {time.perf_counter() - began:.0f} s")


@contextmanager
def _in_sqlite(calls: int) -> Iterator[tuple[str, Ask]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        seconds = fill(path, calls)
        print(f"SQLite, {calls:,} calls over 90 days, booked at {calls / seconds:,.0f} a second")
        with closing(sqlite3.connect(path)) as raw:
            yield str(path), lambda sql: raw.execute(sql).fetchall()


@contextmanager
def _in_postgres(calls: int) -> Iterator[tuple[str, Ask]]:
    with postgres() as url:
        rows, rollups = _postgres_calls.fill(url, calls)
        print(
            f"PostgreSQL, {calls:,} calls over 90 days; rows {rows:.0f} s, rollups {rollups:.0f} s"
        )
        with psycopg.connect(url, autocommit=True) as raw:
            yield url, lambda sql: raw.execute(sql).fetchall()


def _budget(url: str) -> None:
    """`finops budget` as a whole process, compiled as an installer leaves it."""
    with tempfile.TemporaryDirectory() as home:
        more = {"HOME": home, "FINOPS_LEDGER": url, "PYTHONPYCACHEPREFIX": home}
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | more
        taken = [once([sys.executable, "-m", "finops_pack", "budget"], environment)
                 for _ in range(RUNS + 1)][1:]  # fmt: skip
    wall, cpu = ([pair[i] for pair in taken] for i in (0, 1))
    print(f"finops budget: median {median(wall):.0f} ms, best {min(wall):.0f}, "
          f"processor {min(cpu):.0f}")  # fmt: skip


def _questions(
    ledger: Ledger, ask: Ask
) -> list[tuple[str, Callable[[], object], Callable[[], object]]]:
    now = time.time_ns() // 1000
    today = day_of(now, ledger.time_zone)
    month = Where(since_us=day_start(today - 29, ledger.time_zone))
    last_30 = Where(since_us=now - 30 * DAY_US)

    def asked(what: str) -> Callable[[], object]:
        return lambda: ask(_RAW.format(what=what, since=month.since_us))

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


def _reservations(ledger: Ledger) -> None:
    """What the gate adds to a call: two budgets asked, then the true cost told."""
    now = time.time_ns() // 1000
    today = day_start(day_of(now, ledger.time_zone), ledger.time_zone)
    limits = {
        "day": (Where(since_us=today), 10**18),
        "month": (Where(since_us=today - 29 * DAY_US, project="p1"), 10**18),
    }
    times: dict[str, list[float]] = {"reserve": [], "settle": []}
    for n in range(2000):
        wanted = Reservation(f"r{n}", 10**9, now, now + 10**9)
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
