"""`finops drain`: what lies in the spools goes into the ledger; by hand, or as a sidecar."""

from __future__ import annotations

import argparse
import signal
import threading
from typing import Any

from finops_pack import admin
from finops_pack.cli import _args, _out
from finops_pack.cli._commands import UNREACHABLE
from finops_pack.errors import LedgerUnreachable

HELP = "bring recorded calls from their spools into the ledger"

_SECONDS = 30.0
_PAUSE_SECONDS = 0.5


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops drain --timeout 5 in a preStop hook, finops drain --follow as a sidecar."""
    parser.add_argument("--follow", action="store_true", help="go on until SIGTERM or Ctrl-C")
    parser.add_argument(
        "--timeout", type=float, default=_SECONDS, metavar="SECONDS", help="at most (default 30)"
    )
    _args.add_ledger(parser)


def run(args: argparse.Namespace) -> int:
    """0: everything is booked; 3: some lines still wait, because the ledger is away or busy."""
    if args.follow:
        _follow(args)
    with admin.opened(args.ledger) as ledger:
        waiting = ledger.drain(0.0)
        pending = ledger.drain(args.timeout)
        body = {"ledger": ledger.url, "booked_lines": waiting - pending, "pending_lines": pending}
    _print(body, args.json)
    return UNREACHABLE if pending else 0


def _print(body: dict[str, Any], as_json: bool) -> None:
    if as_json:
        _out.document("finops.drain", body)
        return
    print(f"booked {_out.count(body['booked_lines'], 'line')} into {body['ledger']}")
    if body["pending_lines"]:
        waiting = _out.count(body["pending_lines"], "line")
        _out.warn(f"{waiting} still to come from the spools; see: finops doctor")


def _follow(args: argparse.Namespace) -> None:
    """Drain until somebody says stop; what comes until then is drained by `run`."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if not args.json:
        print("bringing the spools into the ledger until SIGTERM or Ctrl-C", flush=True)
    while not stop.wait(_PAUSE_SECONDS):
        try:
            with admin.opened(args.ledger) as ledger:
                while not stop.wait(_PAUSE_SECONDS):
                    ledger.drain(1.0)
        except LedgerUnreachable as error:
            _out.warn(f"finops: {error}")
