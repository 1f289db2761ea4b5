"""`finops doctor`: what is wrong with this installation, and the mend."""

from __future__ import annotations

import argparse
from itertools import groupby

from finops_pack import health
from finops_pack.cli import _args, _out
from finops_pack.health import Check

HELP = "settings and their origin, ledger, prices, frameworks, delivery: what is wrong, the mend"
UNSET = "not set  [default]"
MARKS = {"ok": "ok", "note": "note", "fault": "FAULT"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops doctor · finops doctor --brief"""
    parser.add_argument("--brief", action="store_true", help="only what needs mending")
    _args.add_ledger(parser)


def run(args: argparse.Namespace) -> int:
    """Print every check; exit code 0 whatever was found, 3 when the ledger is out of reach."""
    found = health.examine(args.ledger)
    shown = [check for check in found if check.mend or not args.brief]
    faults = sum(check.state == "fault" for check in found)
    if args.json:
        body = {"faults": faults, "checks": [check.to_dict() for check in shown]}
        _out.document("finops.doctor", body)
    else:
        _show(shown)
        print(f"{faults} to mend" if faults else "nothing is broken")
    return 3 if any(check.name == "reachable" for check in found) else 0


def _show(checks: list[Check]) -> None:
    for part, group in groupby(checks, key=lambda check: check.part):
        print(part)
        found = list(group)
        unset = [check.name for check in found if check.text == UNSET]
        shown = [check for check in found if check.text != UNSET]
        width = max((len(check.name) for check in shown), default=0) + 9
        rows: list[tuple[str, str]] = []
        for check in shown:
            rows.append((f"  {MARKS[check.state]:<5}  {check.name}", check.text))
            rows += [("", f"mend: {check.mend}")] if check.mend else []
        rows += [("  ok     unset", ", ".join(unset))] if unset else []
        _out.fields(rows, width)
