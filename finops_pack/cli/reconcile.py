"""`finops reconcile`: what was billed against what our rates say."""

from __future__ import annotations

import argparse
from datetime import UTC
from pathlib import Path

from finops_pack import reconcile
from finops_pack.cli import _args, _out
from finops_pack.errors import InputError
from finops_pack.query import Period
from finops_pack.reconcile import Charge, Comparison, Row, bills

HELP = "a provider's bill, or gateways' bills in the ledger, against our prices"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops reconcile openai-costs.csv"""
    parser.add_argument(
        "file", nargs="?", type=Path, help="CSV, JSONL or JSON; without: billed amounts recorded"
    )
    parser.add_argument("--provider", help="only calls of this provider")
    parser.add_argument(
        "--columns", metavar="cost=A,date=B,model=C", default="", help="where names are unusual"
    )
    parser.add_argument("--all", action="store_true", help="rows that agree, too")
    _args.add_common(parser, last=None)


def run(args: argparse.Namespace) -> int:
    """Print the differences, or the document."""
    columns = _columns(args.columns)
    bill = _read(args.file, columns) if args.file else bills.Bill()
    with _args.reader(args) as reader:
        period = _args.period(args, reader)
        period = _utc_days(period) if args.file else period
        calls = list(reader.stream(_narrowed(period, bill.charges), **_args.where(args)))
        nothing = reader.nothing()
    charges = _within(bill.charges, period)
    if args.file is None:
        charges, calls = reconcile.own_bills(calls)
    known = bill.provider if any(call.provider == bill.provider for call in calls) else None
    found = reconcile.compare(charges, calls, args.provider or known)
    if args.json:
        rejected = [{"file": str(args.file), "line": n, "reason": r} for n, r in bill.rejected]
        _out.document("finops.reconcile", {**found.to_dict(), "rejected": rejected})
    else:
        _show(found, args.all, nothing)
    return 0


def _read(file: Path, columns: dict[str, str]) -> bills.Bill:
    """The bill; its rejected lines are named. Raises `InputError` when nothing is left of it."""
    bill = bills.read(file, columns)
    _out.rejected([f"{file}:{number}: {reason}" for number, reason in bill.rejected])
    if not bill.charges:
        raise InputError(
            f"{file}: no charge could be read",
            mend="a bill needs a row with a cost in USD; where its columns are unusual, --columns",
        )
    return bill


def _columns(text: str) -> dict[str, str]:
    columns = dict(part.partition("=")[::2] for part in text.split(",") if part)
    for thing, column in columns.items():
        if thing not in bills.NAMES or not column:
            mend = f"write --columns cost=NAME,date=NAME; there are {', '.join(bills.NAMES)}"
            raise InputError(f"--columns {text}: cannot read {thing!r}", mend=mend)
    return columns


def _utc_days(period: Period) -> Period:
    """The days that were asked for, as bills have them: in UTC, whatever the ledger's zone is."""
    since, until = (
        at and at.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
        for at in (period.since, period.until)
    )
    return Period(since, until, period.label)


def _narrowed(period: Period, charges: list[Charge]) -> Period:
    """The days of the bill, where no period was asked for."""
    days = sorted(charge.day for charge in charges if charge.day)
    if not days or period.since or period.until:
        return period
    last = Period.day(days[-1])
    return Period(Period.day(days[0]).since, last.until, f"{days[0]} to {days[-1]}")


def _within(charges: list[Charge], period: Period) -> list[Charge]:
    """The charges of the period that was asked for; those without a day always."""
    since = period.since.date().isoformat() if period.since else ""
    until = period.until.date().isoformat() if period.until else "9999-12-31"
    return [c for c in charges if c.day is None or since <= c.day < until]


def _show(found: Comparison, everything: bool, nothing: str) -> None:
    if not found.rows:
        print(nothing or "nothing to compare: no billed amounts are recorded; name a bill")
        return
    rows = [row for row in found.rows if everything or row.note]
    columns = ("day", "model", "billed", "ours", "difference", "calls", "note")
    if rows:
        _out.table("billed against our prices", columns, [_cells(row) for row in rows])
    agree = len(found.rows) - len([row for row in found.rows if row.note])
    total = found.total
    print(
        f"rows that agree to the cent: {agree:,} of {len(found.rows):,}; billed "
        f"{_out.usd(total.billed_usd)}, ours {_out.usd(total.list_usd)}, "
        f"difference {_out.usd(total.difference_usd)}"
    )


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.day or "",
        row.model or "",
        _out.usd(row.billed_usd),
        _out.usd(row.list_usd),
        _out.usd(row.difference_usd),
        f"{row.calls:,}",
        row.note,
    )
