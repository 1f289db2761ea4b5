"""`finops report`: the daily report, shown, printed as the REST API takes it, or sent."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from finops_pack.cli import _args, _out
from finops_pack.money import plain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from finops_pack.report.delivery import Delivery
    from finops_pack.report.model import DailyReport
    from finops_pack.report.reports import Reports

HELP = "the daily report; --send delivers what is due, each day once"
KEPT = 3  # kept for the next run, or refused
EMPTY = "nothing was recorded yet; see: finops doctor"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Shows the newest day unless told otherwise. Example: finops report --send"""
    parser.add_argument("--date", help="YYYY-MM-DD, today or yesterday (default: the newest)")
    parser.add_argument("--send", action="store_true", help="deliver every day that is due")
    parser.add_argument("--dry-run", action="store_true", help="show what --send would send")
    _args.add_ledger(parser)


def run(args: argparse.Namespace) -> int:
    """Show, list or send."""
    from finops_pack.report.reports import open_reports

    with open_reports(args.ledger) as reports:
        date = reports.date(args.date) if args.date else None
        if args.dry_run:
            return _list(args, reports, date)
        if args.send:
            return _send(args, reports, date)
        return _show(args, reports, date or reports.newest())


def _show(args: argparse.Namespace, reports: Reports, date: str) -> int:
    report = reports.of(date)
    if args.json:
        print(report.text())
        return 0
    score = "not enough data" if report.efficiency_score is None else plain(report.efficiency_score)
    so_far = " (so far)" if date == reports.today.isoformat() else ""
    print(f"Daily report of {date}{so_far}\n")
    print(f"  cost      {_out.usd(report.total_cost)}")
    print(f"  requests  {report.total_requests:,}")
    print(f"  tokens    {report.total_tokens:,}")
    print(f"  score     {score}")
    print(f"  coverage  {_coverage(report)}\n")
    _parts("model", report.cost_by_model)
    _parts("action", report.cost_by_action)
    _parts("waste", report.waste_categories)
    print(reports.state(date))
    return 0


def _coverage(report: DailyReport) -> str:
    found = (report.metadata or {})["coverage"]
    words = f"{found['priced_requests']:,} of {report.total_requests:,} requests priced"
    if found["estimated_requests"]:
        words += f", {found['estimated_requests']:,} estimated"
    if found["unpriced_models"]:
        words += f"; no price for {', '.join(found['unpriced_models'])}"
    return words


def _parts(name: str, parts: Mapping[str, Decimal] | None) -> None:
    if parts:
        rows = [(key, _out.usd(usd)) for key, usd in parts.items()]
        _out.table(f"cost by {name}" if name != "waste" else name, (name, "USD"), rows)


def _list(args: argparse.Namespace, reports: Reports, date: str | None) -> int:
    due = sorted(reports.due(date), key=lambda one: one.date)
    if args.json:
        from finops_pack.report import exact

        bodies = [one.report.body() for one in due]
        head = {"schema": "finops.delivery", "version": 1, "dry_run": True}
        print(exact.dumps({**head, "due": bodies, "sent": [], "pending": [], "failed": []}))
        return 0
    if not due:
        print(_nothing(reports))
    for one in due:
        print(one.report.text())
    if due:
        _out.warn(f"{len(due)} to send to {reports.target.url}; nothing was sent")
    return 0


def _send(args: argparse.Namespace, reports: Reports, date: str | None) -> int:
    done = reports.send(date)
    if args.json:
        _out.document(
            "finops.delivery", {"sent": done.sent, "pending": done.pending, "failed": done.failed}
        )
    else:
        _tell(done, reports)
    return 0 if done.complete else KEPT


def _tell(done: Delivery, reports: Reports) -> None:
    for row in done.sent:
        print(f"{row['date']}  delivered  {row['total_cost_usd']} USD  {row['report_id'] or ''}")
    for word, rows in (("kept", done.pending), ("refused", done.failed)):
        for row in rows:
            print(f"{row['date']}  {word}  {row['reason']}")
            print(f"            {row['mend']}")
    if done.complete and not done.sent:
        print(_nothing(reports))


def _nothing(reports: Reports) -> str:
    return "nothing is due: every complete day is delivered" if reports.dates else EMPTY
