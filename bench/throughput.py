"""Calls recorded a second, 1 and 8 threads and 4 processes, hot and with 4 ms between calls.

    python -m bench.throughput [--seconds 3]

Three ways side by side, in turn: `finops_pack.record` (priced, durable when it returns), one line
into the spool alone, and what a direct insert into SQLite (WAL, NORMAL) costs the caller. "p50"
and "p99" are what one call takes on its thread; with a pause the caches are cold, as in an agent.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bench._home import home_of

WAYS = ("record", "spool", "insert")
SHAPES = (("1 thread", 1, 1), ("8 threads", 1, 8), ("4 processes", 4, 1))
_COLUMNS = 16


def main() -> None:
    """Print the table; with --child, be one of the processes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each cell")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        way, threads, pause = args.child
        print(json.dumps(_process(way, int(threads), float(pause), args.seconds)))
        return
    print(f"{'':24}{'':>9}{'calls/s':>12}{'p50 µs':>10}{'p99 µs':>10}{'worst ms':>10}")
    for pause in (0.0, 4.0):
        for name, processes, threads in SHAPES:
            for way in WAYS:
                rate, times = _cell(way, processes, threads, pause, args.seconds)
                _print(f"{name}, {'hot' if not pause else '4 ms pause'}", way, rate, times)


def _print(shape: str, way: str, rate: float, times: list[float]) -> None:
    p50, p99 = (times[int(len(times) * share)] * 1e6 for share in (0.5, 0.99))
    print(f"{shape:24}{way:>9}{rate:>12,.0f}{p50:>10.1f}{p99:>10.1f}{times[-1] * 1e3:>10.1f}")


def _cell(
    way: str, processes: int, threads: int, pause: float, seconds: float
) -> tuple[float, list[float]]:
    with tempfile.TemporaryDirectory() as folder, home_of(Path(folder)) as env:
        command = [sys.executable, "-m", "bench.throughput", "--seconds", str(seconds)]
        command += ["--child", way, str(threads), str(pause)]
        running = [
            subprocess.Popen(command, env=env, stdout=subprocess.PIPE) for _ in range(processes)
        ]
        told = [json.loads(process.communicate()[0]) for process in running]
    times = sorted(t for one in told for t in one["times"])
    return sum(one["calls"] / one["seconds"] for one in told), times


def _process(way: str, threads: int, pause: float, seconds: float) -> dict[str, object]:
    record = _WAYS[way]()
    times: list[float] = []
    for number in range(200):
        record(-1, number)
    began = time.perf_counter()
    stop = began + seconds

    def work(thread: int) -> None:
        mine, number = [], 0
        while (at := time.perf_counter()) < stop:
            record(thread, number)
            mine.append(time.perf_counter() - at)
            number += 1
            if pause:
                time.sleep(pause / 1000)
        times.extend(mine)

    running = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    took = time.perf_counter() - began
    return {"calls": len(times), "seconds": took, "times": times[:: max(1, len(times) // 20_000)]}


def _recorded() -> Callable[[int, int], object]:
    import finops_pack
    from finops_pack import Usage

    usage = Usage(input_tokens=4000, cache_read_tokens=3000, output_tokens=200)
    return lambda thread, number: finops_pack.record(
        model="gpt-4o", provider="openai", usage=usage, task=f"task-{thread}", action="step"
    )


def _spooled() -> Callable[[int, int], object]:
    from bench._recording import line
    from finops_pack import config
    from finops_pack.ledger import drainer, ledger_id
    from finops_pack.ledger.spool import Spool, encode

    url = config.load().ledger
    spool = Spool(ledger_id(url))
    drainer.start(url)
    return lambda thread, number: spool.append(
        encode(line(f"{id(spool)}-{thread}-{number}", number))
    )


def _inserted() -> Callable[[int, int], object]:
    from finops_pack import config

    path = Path(config.state_dir()) / "direct.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    local, lock = threading.local(), threading.Lock()
    names = ", ".join(f"c{n}" for n in range(_COLUMNS))

    def connection() -> sqlite3.Connection:
        with lock:
            raw = sqlite3.connect(path, isolation_level=None, timeout=30)
            _into_wal(raw)
            raw.execute("PRAGMA synchronous = NORMAL")
            raw.execute(f"CREATE TABLE IF NOT EXISTS direct ({names})")
        return raw

    def insert(thread: int, number: int) -> None:
        if not hasattr(local, "raw"):
            local.raw = connection()
        values = (f"{thread}-{number}", "gpt-4o", "openai", "step", *range(_COLUMNS - 4))
        local.raw.execute(f"INSERT INTO direct VALUES ({', '.join('?' * _COLUMNS)})", values)

    return insert


def _into_wal(raw: sqlite3.Connection) -> None:
    """SQLite does not wait where two processes change the mode of a new file at once."""
    for _ in range(100):
        with contextlib.suppress(sqlite3.OperationalError):
            raw.execute("PRAGMA journal_mode = WAL")
            return
        time.sleep(0.02)


_WAYS = {"record": _recorded, "spool": _spooled, "insert": _inserted}

if __name__ == "__main__":
    main()
