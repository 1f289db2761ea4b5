"""Delivery: a server that is down for a day and hostile for another, SIGKILL on both sides.

    python -m bench.outage [--rounds 200] [--seed 1] [--hours 24 48 56]

Time runs 50 times as fast. Each round has a ledger with calls on several days, a client that is
started every hour, and a server that is dead for the first 24 hours, then saves and falls silent,
saves late, drops connections, answers 429, 5xx and garbage, and is killed and started again; from
hour 48 on it behaves. Half of the servers replace a day's report and say so, and are also sent
corrections; half add up what they get. In the end each day must be there exactly once.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SPEED = 50.0
DEADLINE = 0.3  # seconds of real time: 15 of the simulation
HOUR = 3600.0
START = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
ACTS = ("save", "save hang", "hang", "late", "save drop", "drop", "save 500", "503", "429", "bad")


@dataclass
class Round:
    """One simulated stretch of days."""

    folder: Path
    dice: random.Random
    replaces: bool
    down: int = 24  # hours at which the server comes up, begins to behave, and all ends
    hostile: int = 48
    end: int = 56
    booked: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    port: int = 0
    server: int = 0  # its process id

    @property
    def ledger(self) -> str:
        """The client's ledger."""
        return str(self.folder / "ledger.db")

    @property
    def held(self) -> Path:
        """What the server holds, one report a line."""
        return self.folder / "held.jsonl"


def day(offset: int) -> str:
    """A date, days after the start."""
    return (datetime.fromtimestamp(START, UTC) + timedelta(days=offset)).date().isoformat()


def book(one: Round, date: str, calls: int) -> None:
    """Record calls on a day, in a process of its own."""
    noon = datetime.fromisoformat(f"{date}T12:00:00+00:00").timestamp()
    first = one.booked.total()
    lines = [
        {"type": "call", "id": f"c{first + i}", "start_us": int(noon * 1e6) + first + i,
         "model": "gpt-4o", "input_tokens": 1000, "cost_pico": 2_500_000_000,
         "cost_state": "priced", "billing_mode": "metered"}
        for i in range(calls)
    ]  # fmt: skip
    one.booked[date] += calls

    def work() -> None:
        from finops_pack.ledger import open_ledger

        open_ledger(one.ledger).book(lines)

    assert os.waitpid(fork(work), 0)[1] == 0


def fork(work: Callable[[], object]) -> int:
    """Run in a child; its exit code is 0 unless it raised."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def client(one: Round, now: float) -> None:
    """One `finops report --send` at that hour."""
    from finops_pack.report.delivery import Clock
    from finops_pack.report.keys import Secret, Target
    from finops_pack.report.reports import open_reports

    began = time.monotonic()
    clock = Clock(lambda: now + (time.monotonic() - began) * SPEED, lambda s: time.sleep(s / SPEED))
    target = Target(f"http://127.0.0.1:{one.port}", Secret("finops_bench"), "bench")
    with open_reports(one.ledger, target=target, clock=clock) as reports:
        reports.send(deadline=DEADLINE)


class Handler(BaseHTTPRequestHandler):
    """A REST server that misbehaves; what it saved is in a file before it answers."""

    one: Round
    dice: random.Random
    hostile: bool
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """`cost-trends`."""
        act = self.act("", "500", "hang", "drop", "bad")
        if self.misbehaves(act):
            return
        rows = [{"date": d, "total_requests": n} for d, n in held(self.one).items()]
        self.answer(200, json.dumps({"data": rows}).encode())

    def do_POST(self) -> None:
        """`daily-report`."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        act = self.act(*ACTS)
        if act == "late":
            time.sleep(DEADLINE + self.dice.random() * 0.1)
        if act.startswith(("save", "late")):
            self.save(body)
        if not self.misbehaves(act.removeprefix("save").removeprefix("late").strip()):
            self.answer(200, b'{"ok": true, "report_id": "rpt_1"}')

    def save(self, body: bytes) -> None:
        """Append in one write, so that a kill leaves all of it or nothing."""
        with self.one.held.open("ab", buffering=0) as file:
            file.write(json.dumps(json.loads(body)).encode() + b"\n")

    def act(self, usual: str, *others: str) -> str:
        """The usual, or in hostile hours anything."""
        return self.dice.choice((usual, usual, *others)) if self.hostile else usual

    def misbehaves(self, act: str) -> bool:
        """Do it, if it is more than an ordinary answer."""
        if act == "hang":
            time.sleep(DEADLINE * 1.5)
        if act in ("hang", "drop"):
            self.close_connection = True
            self.connection.close()
        elif act == "bad":
            self.answer(200, b"<html>")
        elif act:
            self.answer(int(act), b"{}")
        return bool(act)

    def answer(self, status: int, text: bytes) -> None:
        """One answer."""
        self.send_response(status)
        if self.one.replaces:
            self.send_header("FinOps-Reports", "replace")
        if status == 429:
            self.send_header("Retry-After", str(self.dice.choice((5, 1800))))
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


class Server(ThreadingHTTPServer):
    """One that does not complain when a client goes away."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Going away is what this is about."""


def held(one: Round) -> Counter[str]:
    """Requests by date, as the server counts them."""
    found: Counter[str] = Counter()
    for line in one.held.read_text().splitlines() if one.held.exists() else []:
        report = json.loads(line)
        before = 0 if one.replaces else found[report["date"]]
        found[report["date"]] = before + report["total_requests"]
    return found


def serve(one: Round, hostile: bool) -> int:
    """Start the server on its port."""
    listening = socket.create_server(("127.0.0.1", one.port))
    bound = {"one": one, "hostile": hostile, "dice": random.Random(one.dice.random())}

    def work() -> None:
        server = Server(("127.0.0.1", 0), type("Bound", (Handler,), bound), False)
        server.socket = listening
        server.serve_forever()

    pid = fork(work)
    listening.close()
    return pid


def kill(one: Round, pid: int, who: str) -> None:
    """SIGKILL and reap."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    one.kills[who] += 1


def hour(one: Round, number: int) -> None:
    """One hour: perhaps a late call, the client's run, perhaps kills."""
    if number % 24 == 12:
        book(one, day(number // 24), one.dice.randint(1, 9))
        if one.replaces:
            book(one, day(-1), 1)
    run = fork(lambda: client(one, START + number * HOUR + 300))
    deadly = number < one.end - 4
    if deadly and one.dice.random() < 0.3:
        time.sleep(one.dice.random() * 0.25)
        kill(one, run, "client")
        if one.server:
            time.sleep(DEADLINE * 1.6)  # an hour passes: what the server was doing is done
    else:
        if deadly and one.server and one.dice.random() < 0.3:
            time.sleep(one.dice.random() * 0.15)
            kill(one, one.server, "server")
            one.server = serve(one, number < one.hostile)
        assert os.waitpid(run, 0)[1] == 0


def play(one: Round) -> bool:
    """A whole round; True when each day arrived exactly once."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        one.port = free.getsockname()[1]
    for offset in range(-4, 0):
        book(one, day(offset), one.dice.randint(1, 9))
    for number in range(one.end):
        if number in (one.down, one.hostile):
            if one.server:
                kill(one, one.server, "server")
            one.server = serve(one, number < one.hostile)
        hour(one, number)
    kill(one, one.server, "server")
    complete = {d: n for d, n in one.booked.items() if d < day(one.end // 24)}
    found = held(one)
    if found != complete:
        print(f"WRONG: replaces={one.replaces} booked {complete} held {dict(found)}")
    return found == complete


def warm() -> None:
    """Import once what every child would import anew."""
    for name in ("ledger.sqlite", "query.reader", "score", "cache", "waste", "report.reports"):
        importlib.import_module(f"finops_pack.{name}")
    importlib.import_module("httpx")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hours", type=int, nargs=3, default=[24, 48, 56])
    args = parser.parse_args()
    warm()
    right, days, kills = 0, 0, Counter[str]()
    for number in range(args.rounds):
        dice = random.Random(args.seed * 10_000 + number)
        with tempfile.TemporaryDirectory() as folder:
            one = Round(Path(folder), dice, bool(number % 2), *args.hours)
            right += play(one)
            days += len(one.booked)
            kills += one.kills
        if not (number + 1) % 10:
            print(f"{right} of {number + 1} rounds right", file=sys.stderr, flush=True)
    print(f"{right} of {args.rounds} rounds: every report once, none lost, none doubled")
    print(f"{days} days; SIGKILLs: {kills['client']} clients, {kills['server']} servers")
    return 0 if right == args.rounds else 1


if __name__ == "__main__":
    sys.exit(main())
