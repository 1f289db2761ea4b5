"""`finops reprice`: book the prices of today's tables over calls that were booked otherwise."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from finops_pack import admin
from finops_pack.cli import _args, _out
from finops_pack.money import from_pico, plain
from finops_pack.query import Period, Reader

HELP = "price booked calls by the tables in force; shows what changes first"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops reprice --last 30d, then again with finops reprice --last 30d --yes"""
    parser.add_argument("--yes", action="store_true", help="apply what is shown")
    _args.add_common(parser, last=None)


def run(args: argparse.Namespace) -> int:
    """Show the changes; apply them with --yes, or when a person at a terminal agrees."""
    with _args.reader(args) as reader:
        period = _args.period(args, reader)
        nothing = reader.nothing()
        groups = changes(reader, period, _args.where(args))
    rows = [group.to_dict() for group in groups]
    if not args.json:
        _show(groups, nothing)
    apply = bool(groups) and (args.yes or (not args.json and _agreed()))
    applied = admin.reprice(args.ledger, period.where(**_args.where(args))) if apply else 0
    if args.json:
        change = None if nothing else plain(sum((g.change_usd for g in groups), Decimal(0)))
        body = {"rows": rows, "change_usd": change, "applied": applied, "nothing": nothing or None}
        _out.document("finops.reprice", body)
    elif groups:
        same = _args.again(args, "reprice")  # no other calls than those shown
        kept = f"nothing was changed; apply it with: {same} --yes"
        print(f"repriced {_out.count(applied, 'call')}" if applied else kept)
    return 0


@dataclass(slots=True)
class Group:
    """What changes for one model; amounts USD."""

    model: str
    rate_id: str | None
    calls: int = 0
    booked_usd: Decimal = Decimal(0)
    new_usd: Decimal = Decimal(0)
    change_usd: Decimal = Decimal(0)
    unpriced: int = 0

    @property
    def booked(self) -> str:
        """What they stand at now; no price is not $0."""
        return "unpriced" if self.unpriced == self.calls else _out.usd(self.booked_usd)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, amounts as decimal strings."""
        return {
            "model": self.model,
            "rate_id": self.rate_id,
            "calls": self.calls,
            "booked_usd": plain(self.booked_usd),
            "new_usd": plain(self.new_usd),
            "change_usd": plain(self.change_usd),
        }


def changes(reader: Reader, period: Period, fields: dict[str, str]) -> list[Group]:
    """What would change, by model and new rate; the largest change first."""
    found: dict[tuple[str, str | None], Group] = {}
    for change in admin.repriceable(reader.stream(period, **fields)):
        model = change.call.answered_by
        group = found.setdefault((model, change.rate_id), Group(model, change.rate_id))
        group.calls += 1
        group.unpriced += change.call.unpriced
        group.booked_usd += from_pico(change.call.cost_pico or 0)
        group.new_usd += from_pico(change.cost_pico or 0)
        group.change_usd += change.change_usd
    return sorted(found.values(), key=lambda group: (-abs(group.change_usd), group.model))


def _show(groups: list[Group], nothing: str) -> None:
    if not groups:
        print(nothing or "nothing to change: what has a price is booked at it")
        return
    rows = [
        (group.model, f"{group.calls:,}", group.booked, _out.usd(group.new_usd),
         _out.usd(group.change_usd))
        for group in groups
    ]  # fmt: skip
    columns = ("model", "calls", "booked", "now", "change")
    _out.table("booked, and by the tables in force now", columns, rows)


def _agreed() -> bool:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    return input("apply? [y/N] ").strip().lower() in ("y", "yes")
