"""What may befall folder, disk and ledger never reaches the agent; each fault in a process.

    python -m bench.faults [--seconds 10]

Per fault: calls recorded, exceptions that reached the caller, warnings, what a call took on its
thread at p50, p99 and worst, what was lost (counted), what was booked once the fault was gone.
The writer's lock is held for ten seconds; a direct insert into SQLite waits as long beside it.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench._home import home_of
from bench._recording import line

FAULTS = ("no fault", "lock held", "disk full", "no folder", "ledger deleted", "folder deleted",
          "ledger corrupt")  # fmt: skip
THREADS = 8
PAUSE = 0.004  # seconds between calls, as an agent


def main() -> None:
    """Print the table; with --child, be the process that meets the fault."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="that each fault lasts")
    parser.add_argument("--child", choices=FAULTS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(meet(args.child, args.seconds)))
        return
    print(f"{'':16}{'calls':>8}{'raised':>8}{'warned':>8}{'p50 µs':>9}{'p99 µs':>9}{'worst ms':>10}"
          f"{'lost':>7}{'booked':>9}")  # fmt: skip
    sound = True
    for fault in FAULTS:
        told = run(fault, args.seconds)
        sound &= told["raised"] == 0 and told["booked"] + told["lost"] == told["calls"]
        print(f"{fault:16}{told['calls']:>8}{told['raised']:>8}{told['warned']:>8}"
              f"{told['p50'] * 1e6:>9.0f}{told['p99'] * 1e6:>9.0f}{told['worst'] * 1e3:>10.1f}"
              f"{told['lost']:>7}{told['booked']:>9}")  # fmt: skip
    print(f"direct insert while the lock is held: {direct(args.seconds):.1f} s")
    sys.exit(not sound)


def run(fault: str, seconds: float) -> dict[str, Any]:
    """One fault in a process and a home of its own."""
    with tempfile.TemporaryDirectory() as folder, home_of(Path(folder)) as env:
        command = [sys.executable, "-m", "bench.faults", "--child", fault]
        command += ["--seconds", str(seconds)]
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def meet(fault: str, seconds: float) -> dict[str, Any]:
    """Record from eight threads before, during and after the fault, then drain and count."""
    from finops_pack import config
    from finops_pack.ledger import drainer, ledger_id, open_ledger
    from finops_pack.ledger.spool import Spool, encode, folders
    from finops_pack.model import Where

    warned: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: warned.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("finops_pack").addHandler(handler)
    url = config.load().ledger
    only = folders(ledger_id(url))[0] if fault == "no folder" else None
    mine = Spool(ledger_id(url), folder=only)
    drainer.start(url)
    times: list[float] = []
    raised: list[BaseException] = []
    stop = threading.Event()
    threads = [
        threading.Thread(target=_record, args=(n, mine.append, encode, times, raised, stop))
        for n in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    drainer.flush(5)
    with _FAULTS[fault](Path(url)):
        time.sleep(seconds)
    time.sleep(1.0)
    stop.set()
    for thread in threads:
        thread.join()
    drainer.flush(60)
    ledger = open_ledger(url)
    ledger.drain(60)
    booked = ledger.totals(None, Where())[0].calls
    ledger.close()
    times.sort()
    return {
        "calls": len(times), "raised": len(raised), "warned": len(warned),
        "p50": times[len(times) // 2], "p99": times[len(times) * 99 // 100], "worst": times[-1],
        "lost": mine.lost, "booked": booked,
    }  # fmt: skip


def _record(
    thread: int,
    append: Callable[[bytes], bool],
    encode: Callable[[dict[str, Any]], bytes],
    times: list[float],
    raised: list[BaseException],
    stop: threading.Event,
) -> None:
    number = 0
    while not stop.is_set():
        began = time.perf_counter()
        try:
            append(encode(line(f"{thread}-{number}", number)))
        except BaseException as error:
            raised.append(error)
        times.append(time.perf_counter() - began)
        number += 1
        time.sleep(PAUSE)


@contextmanager
def _none(ledger: Path) -> Iterator[None]:
    yield


@contextmanager
def _lock_held(ledger: Path) -> Iterator[None]:
    other = sqlite3.connect(ledger, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    yield
    other.execute("COMMIT")
    other.close()


@contextmanager
def _disk_full(ledger: Path) -> Iterator[None]:
    """No file may grow: what a full disk is to a process, without the right to mount one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def _no_folder(ledger: Path) -> Iterator[None]:
    """A file stands where the only spool folder was."""
    spools = ledger.parent / "spool"
    while spools.exists():
        shutil.rmtree(spools, ignore_errors=True)
    spools.write_text("in the way")
    yield
    spools.unlink()


@contextmanager
def _ledger_deleted(ledger: Path) -> Iterator[None]:
    ledger.unlink()
    yield


@contextmanager
def _folder_deleted(ledger: Path) -> Iterator[None]:
    while ledger.exists():
        shutil.rmtree(ledger.parent, ignore_errors=True)
    yield


@contextmanager
def _ledger_corrupt(ledger: Path) -> Iterator[None]:
    """Rubbish in the file and its log, from outside: a file closed in here drops our locks."""
    code = "import os, sys\nfor p in sys.argv[1:]: open(p, 'r+b').write(os.urandom(200_000))"
    subprocess.run([sys.executable, "-c", code, ledger, f"{ledger}-wal"], check=True)
    yield


_FAULTS = dict(
    zip(
        FAULTS,
        (_none, _lock_held, _disk_full, _no_folder, _ledger_deleted, _folder_deleted,
         _ledger_corrupt),
        strict=True,
    )
)  # fmt: skip


def direct(seconds: float) -> float:
    """Seconds that one insert takes while another process holds the lock."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "direct.db"
        ours = sqlite3.connect(path, isolation_level=None, timeout=seconds * 3)
        ours.execute("PRAGMA journal_mode = WAL")
        ours.execute("CREATE TABLE direct (a)")
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN EXCLUSIVE")
        timer = threading.Timer(seconds, other.execute, ("COMMIT",))
        timer.start()
        began = time.perf_counter()
        ours.execute("INSERT INTO direct VALUES (1)")
        took = time.perf_counter() - began
        timer.join()
        other.close()
        ours.close()
    return took


if __name__ == "__main__":
    main()
