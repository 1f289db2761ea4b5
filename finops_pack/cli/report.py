"""`finops report`: the daily report, shown, printed as the REST API takes it, or sent."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from finops_pack.cli import _args, _out
from finops_pack.errors import InputError
from finops_pack.money import plain

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from decimal import Decimal

    from finops_pack.report.delivery import Delivery
    from finops_pack.report.model import DailyReport
    from finops_pack.report.reports import Reports

HELP = "the daily report; --send delivers what is due, each day once"
KEPT = 3  # kept for the next run, or refused
NOTHING_DUE = "nothing is due: no complete day waits; today so far: finops report --date today"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Shows the newest day unless told otherwise. Example: finops report --send"""
    parser.add_argument("--date", help="YYYY-MM-DD, today or yesterday (default: the newest)")
    parser.add_argument("--send", action="store_true", help="deliver every day that is due")
    parser.add_argument("--dry-run", action="store_true", help="show what --send would send")
    parser.add_argument(
        "--delivered", action="store_true", help="with --date: you saw it on the server; not sent"
    )
    _args.add_ledger(parser)


def run(args: argparse.Namespace) -> int:
    """Show, list or send."""
    from finops_pack.report.reports import NothingRecorded, open_reports

    try:
        with open_reports(args.ledger) as reports:
            return _run(args, reports)
    except NothingRecorded as nothing:
        if args.json and not (args.send or args.dry_run):
            _out.document("finops.report", {"nothing": str(nothing)})  # no report to print
        else:
            _deliveries(args, str(nothing))
        return 0


def _run(args: argparse.Namespace, reports: Reports) -> int:
    if reports.waiting and not (args.json or args.send):
        _args.not_booked(reports.waiting)
    date = reports.date(args.date) if args.date else None
    if args.delivered:
        return _believe(args, reports, date)
    if args.dry_run:
        _list(args, reports, date)
        return 0
    if args.send:
        return _send(args, reports, date)
    _show(args, reports, date or reports.newest())
    return 0


def _show(args: argparse.Namespace, reports: Reports, date: str) -> None:
    from finops_pack.report.build import unrounded

    report, day = reports.with_figures(date)
    if args.json:
        print(report.text())
        return
    score = "not enough data" if report.efficiency_score is None else plain(report.efficiency_score)
    so_far = " (so far)" if date == reports.today.isoformat() else ""
    print(f"Daily report of {date}{so_far}\n")
    print(f"  cost      {_out.usd(day.total.usd)}")
    print(f"  requests  {report.total_requests:,}")
    print(f"  tokens    {report.total_tokens:,}")
    print(f"  score     {score}")
    print(f"  coverage  {_coverage(report)}\n")
    for name, parts in unrounded(day).items():
        _parts(name, parts, day.estimated if name == "waste" else ())
    print(reports.state(date))


def _coverage(report: DailyReport) -> str:
    found = (report.metadata or {})["coverage"]
    words = f"{found['priced_requests']:,} of {report.total_requests:,} requests priced"
    if found["estimated_requests"]:
        words += f", {found['estimated_requests']:,} estimated"
    if found["unpriced_models"]:
        words += f"; no price for {', '.join(found['unpriced_models'])}"
    return words


def _parts(name: str, parts: Mapping[str, Decimal], estimated: Collection[str]) -> None:
    if parts:
        marked = ((f"{key} (estimated)" if key in estimated else key) for key in parts)
        rows = [(key, _out.usd(usd)) for key, usd in zip(marked, parts.values(), strict=True)]
        title, column = ("waste", "category") if name == "waste" else (f"cost by {name}", name)
        _out.table(title, (column, "USD"), rows)


def _list(args: argparse.Namespace, reports: Reports, date: str | None) -> None:
    due = sorted(reports.due(date), key=lambda one: one.date)
    if args.json or not due:
        _deliveries(args, _nothing(reports, date), due=[one.report.body() for one in due])
        return
    for one in due:
        print(one.report.text())
    _out.warn(f"{len(due)} to send to {reports.target.url}; nothing was sent")


def _believe(args: argparse.Namespace, reports: Reports, date: str | None) -> int:
    if date is None or args.send or args.dry_run:
        mend = "e.g. finops report --date 2026-02-28 --delivered"
        raise InputError("--delivered: takes --date, and neither --send nor --dry-run", mend=mend)
    return _outcome(args, reports.believe(date), f"{date} counts as delivered already")


def _send(args: argparse.Namespace, reports: Reports, date: str | None) -> int:
    return _outcome(args, reports.send(date), _nothing(reports, date))


def _nothing(reports: Reports, date: str | None) -> str:
    """Why there is nothing to send; of one day what became of it."""
    return f"nothing to send of {date}; {reports.state(date)}" if date else NOTHING_DUE


def _outcome(args: argparse.Namespace, done: Delivery, nothing: str) -> int:
    words = [
        f"{row['date']}  delivered  {row['total_cost_usd']} USD  {row['report_id'] or ''}".rstrip()
        for row in done.sent
    ]
    for word, rows in (("kept", done.pending), ("refused", done.failed)):
        for row in rows:
            words += [f"{row['date']}  {word}  {row['reason']}", f"            {row['mend']}"]
    _deliveries(
        args,
        "\n".join(words) or nothing,
        sent=done.sent,
        pending=done.pending,
        failed=done.failed,
    )
    return 0 if done.complete else KEPT


def _deliveries(args: argparse.Namespace, words: str, **lists: list[dict[str, Any]]) -> None:
    """What was, or would be, delivered: one document, or words."""
    from finops_pack.report import exact

    if args.json:
        empty: dict[str, Any] = {"sent": [], "pending": [], "failed": []}
        print(exact.dumps({"schema": "finops.delivery", "version": 1, **empty, **lists}))
    else:
        print(words)
