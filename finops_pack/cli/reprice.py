"""`finops reprice`: book the prices of today's tables over calls that were booked otherwise."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from decimal import Decimal

from finops_pack import admin
from finops_pack.admin import Repriced
from finops_pack.cli import _args, _out
from finops_pack.money import plain

HELP = "apply the tables in force to booked calls; shows what changes first"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops reprice --last 30d, then again with --yes"""
    parser.add_argument("--yes", action="store_true", help="apply what is shown")
    _args.add_common(parser, last=None)


def run(args: argparse.Namespace) -> int:
    """Show the changes; apply them with --yes, or when a person at a terminal agrees."""
    with _args.reader(args) as reader:
        where = _args.period(args, reader).where(**_args.where(args))
    with admin.opened(args.ledger) as ledger:
        changes = list(admin.repriceable(ledger, where))
        apply = bool(changes) and (args.yes or (not args.json and _agreed(changes)))
        applied = admin.reprice(ledger, changes) if apply else 0
    total = sum((change.change_usd for change in changes), Decimal(0))
    if args.json:
        body = {
            "changes": _rows(changes),
            "calls": len(changes),
            "change_usd": plain(total),
            "applied": applied,
        }
        _out.document("finops.reprice", body)
    elif not changes:
        print("nothing to change: every call is booked as the tables in force price it")
    elif applied:
        print(f"repriced {applied:,} calls: {_out.usd(total)}")
    else:
        print("nothing was changed; apply it with: finops reprice --yes")
    return 0


def _agreed(changes: list[Repriced]) -> bool:
    rows = [
        (
            str(row["model"]),
            str(row["calls"]),
            str(row["rate_id"] or "unpriced"),
            str(row["change_usd"]),
        )
        for row in _rows(changes)
    ]
    _out.table("would change", ("model", "calls", "new rate", "USD"), rows)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    return input("apply? [y/N] ").strip().lower() in ("y", "yes")


def _rows(changes: list[Repriced]) -> list[dict[str, str | int | None]]:
    groups: dict[tuple[str, str | None], list[Repriced]] = defaultdict(list)
    for change in changes:
        groups[(change.call.model, change.rate_id)].append(change)
    return [
        {
            "model": model,
            "rate_id": rate_id,
            "calls": len(group),
            "change_usd": plain(sum((c.change_usd for c in group), Decimal(0))),
        }
        for (model, rate_id), group in sorted(groups.items(), key=lambda item: str(item[0]))
    ]
