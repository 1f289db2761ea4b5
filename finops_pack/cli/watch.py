"""`finops watch`: burn rate, budget bars and the last calls, live."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal

from finops_pack import query
from finops_pack.cli import _args, _tame
from finops_pack.figures import count, tokens, usd
from finops_pack.model import Call
from finops_pack.money import plain
from finops_pack.query import Period, Reader
from finops_pack.query.text import budget_lines

HELP = "live: burn rate, budget bars, the last calls"
SHOWN = 10
MINUTES = 10
HOME = "\x1b[H\x1b[J"  # what stands there is written over, so that nothing flickers


def arguments(parser: argparse.ArgumentParser) -> None:
    """Ctrl-C ends it. Example: finops watch --every 5"""
    parser.add_argument("--every", type=float, default=2.0, metavar="S", help="seconds (default 2)")
    parser.add_argument("--once", action="store_true", help="print once and stop")
    _args.add_ledger(parser)


def run(args: argparse.Namespace) -> int:
    """Redraw until interrupted; without a terminal, once."""
    if args.json:
        from finops_pack.cli import _out

        with query.open(args.ledger) as reader:
            per_minute, calls = burn(reader)
            body = {"usd_per_hour": plain(round(per_minute * 60, 6)), "calls": len(calls)}
            _out.document("finops.watch", {**body, **reader.budget().to_dict()})
        return 0
    while True:
        with query.open(args.ledger) as reader:
            text = screen(reader)
        if args.once or not sys.stdout.isatty():
            print(text)
            return 0
        _tame.bare(sys.stdout).write(HOME)
        print(f"{text}\n\nCtrl-C ends", flush=True)
        time.sleep(max(0.2, args.every))


def screen(reader: Reader) -> str:
    """What is drawn each time."""
    view = reader.budget()
    lines = budget_lines(view)
    if not view.nothing:
        per_minute, calls = burn(reader)
        rate = f"{usd(per_minute * 60)} an hour over the last {MINUTES} minutes"
        lines += [f"burn rate {rate} ({count(len(calls), 'call')})", ""]
        lines += [_line(call, reader.zone) for call in reversed(calls[-SHOWN:])]
    return "\n".join(lines)


def burn(reader: Reader) -> tuple[Decimal, list[Call]]:
    """USD a minute over the last ten minutes, and those calls."""
    since = datetime.now(UTC) - timedelta(minutes=MINUTES)
    calls = reader.calls(Period(since, None))
    return sum((call.amount_usd for call in calls), Decimal(0)) / MINUTES, calls


def _line(call: Call, zone: tzinfo) -> str:
    cost = "unpriced" if call.unpriced else usd(call.amount_usd)
    who = " / ".join(part for part in (call.agent, call.action) if part) or "call"
    model = call.answered_by
    size = f"{tokens(call.input_tokens)} in, {tokens(call.output_tokens)} out"
    mark = "" if call.status == "ok" else f"  [{call.error_type or call.status}]"
    return f"{call.started_at.astimezone(zone):%H:%M:%S}  {cost:>9}  {who}  {model}  {size}{mark}"
