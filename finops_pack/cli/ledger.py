"""`finops ledger`: look whether the books are sound, make their sums anew, move them."""

from __future__ import annotations

import argparse

from finops_pack import admin
from finops_pack.cli import _args, _out

HELP = "check the ledger, rebuild its sums, or copy it into another one"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops ledger copy ledger.db postgresql://finops@db/finops"""
    actions = parser.add_subparsers(dest="what", required=True, metavar="check|rebuild|copy")
    check = actions.add_parser("check", help="compare every sum with the calls; 1 when one is off")
    rebuild = actions.add_parser("rebuild", help="make every sum anew from the calls")
    rebuild.add_argument("--tz", metavar="ZONE", help="and in days of this time zone from now on")
    copy = actions.add_parser("copy", help="copy everything; again: only what is new")
    copy.add_argument("source", metavar="FROM")
    copy.add_argument("target", metavar="TO")
    copy.add_argument("--json", action="store_true", help="one JSON document")
    for one in (check, rebuild):
        _args.add_ledger(one)


def run(args: argparse.Namespace) -> int:
    """0 when all is well; 1 when faults were found, or a copy does not read back the same."""
    return {"check": _check, "rebuild": _rebuild, "copy": _copy}[args.what](args)


def _check(args: argparse.Namespace) -> int:
    with admin.opened(args.ledger, create=False) as ledger:
        faults, url = ledger.check(), ledger.url
    if args.json:
        _out.document("finops.ledger", {"ledger": url, "sound": not faults, "faults": faults})
    elif not faults:
        print(f"{url} is sound: every sum is what its calls add up to")
    else:
        print("\n".join(faults))
        _out.warn("  mend: finops ledger rebuild")
    return int(bool(faults))


def _rebuild(args: argparse.Namespace) -> int:
    with admin.opened(args.ledger, create=False) as ledger:
        ledger.rebuild(args.tz)
        url, zone = ledger.url, ledger.time_zone
    if args.json:
        _out.document("finops.ledger", {"ledger": url, "rebuilt": True, "time_zone": zone})
    else:
        print(f"rebuilt every sum of {url}, in days of {zone}")
    return 0


def _copy(args: argparse.Namespace) -> int:
    def progress(calls: int) -> None:
        if not args.json and calls % 50_000 == 0:
            _out.warn(f"{calls:,} calls")

    done = admin.copy_ledger(args.source, args.target, progress)
    if args.json:
        body = {name: getattr(done, name) for name in ("new", "corrected", "unchanged")}
        _out.document("finops.ledger", {**body, "differing": done.differing})
    else:
        before = f"{done.corrected:,} corrected, {done.unchanged:,} as before"
        print(f"{_out.count(done.new, 'call')} copied, {before}")
        for what in done.differing:
            _out.warn(f"differs: {what}")
    return int(bool(done.differing))
