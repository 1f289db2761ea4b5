"""Load on `finops serve`: reports and dashboard reads a second on both stores (needs wrk).

    python -m bench.server_load --accounts 10 1000 --days 90 --seconds 10

For each store and number of accounts: fills 90 days of reports, starts the server as one
process, and has wrk post reports and read dashboards with 8 connections from the same machine.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from finops_pack.report.model import DailyReport, parse
from finops_pack.server import accounts, clock, crypto
from finops_pack.server.stores import Database, open_database

ROOT = Path(__file__).parent.parent
CONNECTIONS = 8
LUA = """
local credentials, body = {}, nil
for line in io.lines("%(folder)s/credentials") do credentials[#credentials + 1] = line end
local file = io.open("%(folder)s/body"); body = file:read("*a"); file:close()
local at = 0
request = function()
  at = at %% #credentials + 1
  return wrk.format("%(method)s", "%(path)s", {
    ["%(header)s"] = credentials[at], ["Content-Type"] = "application/json"
  }, "%(method)s" == "POST" and body or nil)
end
"""


@dataclass(frozen=True)
class Load:
    """One kind of request, made by all accounts in turn."""

    name: str
    method: str
    path: str
    session: bool = False


LOADS = (
    Load("POST daily-report", "POST", "/api/finops/daily-report"),
    Load("GET dashboard (JSON, 30 days)", "GET", "/api/finops/dashboard?period=30d"),
    Load("GET cost-trends (JSON, 90 days)", "GET", "/api/finops/cost-trends?period=90d"),
    Load("GET / (the page, 30 days)", "GET", "/", session=True),
)


def main() -> int:
    """Print a table; 1 when any request was answered otherwise than 2xx."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, nargs="+", default=[10, 1000])
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--stores", nargs="+", default=["sqlite", "postgresql"])
    args = parser.parse_args()
    if shutil.which("wrk") is None:
        print("server_load needs wrk: apt-get install wrk")
        return 0
    print(
        f"{'store':<11} {'accounts':>8}  {'request':<32} {'req/s':>8} {'p50':>9} {'p99':>9}  errors"
    )
    errors = 0
    for store in args.stores:
        for count in args.accounts:
            errors += measure(store, count, args.days, args.seconds)
    return 1 if errors else 0


def measure(store: str, count: int, days: int, seconds: int) -> int:
    """All loads on one store with so many accounts; the number of errors."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        url = f"{folder}/server.db"
        if store == "postgresql":
            url = stack.enter_context(postgres())
        keys, sessions = fill(url, count, days)
        base = stack.enter_context(serving(url))
        Path(folder, "body").write_text(report(clock.today(), 7).text())
        errors = 0
        for load in LOADS:
            credentials = sessions if load.session else keys
            Path(folder, "credentials").write_text("\n".join(credentials))
            errors += show(store, count, load, wrk(base, folder, load, seconds))
        return errors


def report(day: date, usd: int) -> DailyReport:
    """A report as large as those of a busy agent."""
    return parse(
        {
            "date": day.isoformat(),
            "total_tokens": 1_842_000,
            "total_cost": usd * 8,
            "total_requests": 312,
            "cost_by_model": {f"model-{i}": usd for i in range(8)},
            "cost_by_action": {f"action-{i}": usd for i in range(8)},
            "waste_categories": {"retries": 1, "unused_context": 1, "cold_cache": 1},
            "efficiency_score": 78,
            "metadata": {
                "reporter": "led_1",
                "coverage": {"priced_requests": 300, "estimated_requests": 12},
                "cache": {"hit_rate": 0.7, "write_share_usd": 0.2, "cold_calls": {"first": 3}},
            },
        }
    )


def fill(url: str, count: int, days: int) -> tuple[list[str], list[str]]:
    """Accounts with `days` reports each; Authorization headers and session cookies."""
    db = open_database(url)
    password = crypto.hash_password("one password for all of them")
    keys, sessions = [], []
    for number in range(count):
        account = insert(db, number, password, days)
        keys.append(f"Bearer {accounts.register_key(db, account.id, 'load', 'write')[0]}")
        sessions.append(f"finops_session={accounts.open_session(db, account)[0]}")
    db.close()
    return keys, sessions


def insert(db: Database, number: int, password: str, days: int) -> accounts.Account:
    """One account and its reports, in one transaction."""
    account_id, now, today = crypto.new_id("cust"), clock.stamp(), clock.today()
    with db.write() as t:
        t.run(
            "INSERT INTO account (id, email, password, company_name, monthly_budget,"
            " alert_threshold_pct, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (account_id, f"{number}@load.test", password, f"Company {number}", "5000", 80, now),
        )
        for back in range(days):
            day = report(today - timedelta(days=back), 1 + (number + back) % 9)
            t.run(
                "INSERT INTO report (account_id, date, reporter, period, report_id, content_hash,"
                " scored, body, received_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (account_id, day.date, day.reporter, "", crypto.new_id("rpt"), day.content_hash,
                 True, day.text(), now),
            )  # fmt: skip
    return accounts.by_id(db, account_id)


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL of our own, durable as Debian's default."""
    from tests.postgres import binaries, cluster

    folder = binaries()
    assert folder is not None, "PostgreSQL is not installed: apt-get install postgresql"
    with cluster(folder, durable=True) as url:
        yield f"{url}/postgres"


@contextmanager
def serving(url: str) -> Iterator[str]:
    """`finops serve` in a process of its own; its address."""
    command = [sys.executable, "-m", "finops_pack", "serve", "--port", "0", "--rate", "1000000"]
    environment = {**os.environ, "FINOPS_SERVER_DB": url}
    with subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().split()[-1]
        finally:
            server.terminate()


def wrk(base: str, folder: str, load: Load, seconds: int) -> str:
    """What wrk says."""
    script = Path(folder, "load.lua")
    header = "Cookie" if load.session else "Authorization"
    values = {"folder": folder, "method": load.method, "path": load.path, "header": header}
    script.write_text(LUA % values)
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script)]
    done = subprocess.run(["wrk", *options, base], capture_output=True, text=True, check=True)
    return done.stdout


def show(store: str, count: int, load: Load, said: str) -> int:
    """One line of the table; the number of errors."""

    def found(pattern: str) -> str:
        match = re.search(pattern, said)
        return match[1] if match else "0"

    errors = int(found(r"Non-2xx or 3xx responses: (\d+)"))
    errors += sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", said)))
    rate, half, tail = (
        found(r"Requests/sec:\s+([\d.]+)"),
        found(r"\n +50% +(\S+)"),
        found(r"\n +99% +(\S+)"),
    )
    print(
        f"{store:<11} {count:>8}  {load.name:<32} {rate:>8} {half:>9} {tail:>9}  {errors}",
        flush=True,
    )
    return errors


if __name__ == "__main__":
    sys.exit(main())
