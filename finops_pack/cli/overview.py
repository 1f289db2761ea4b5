"""`finops`: today in a screen."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from finops_pack.cli import _args, _out
from finops_pack.model import DayTotals, Totals
from finops_pack.money import plain
from finops_pack.query import Period, Reader
from finops_pack.query.text import budget_lines

HELP = "today in a screen: spend, budget, cost per task, waste, top lever"
WEEK = "7d"
ALERTS = 3


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops (the same as finops overview)"""
    _args.add_ledger(parser)


def run(args: argparse.Namespace) -> int:
    """Print the screen."""
    with _args.reader(args) as reader:
        week = Period.of(WEEK, zone=reader.zone)
        if args.json:
            _out.document("finops.overview", _document(reader, week))
        elif nothing := reader.nothing():
            print(nothing)
        else:
            print(f"{datetime.now(reader.zone):%A %d %B %Y, %H:%M %Z}")
            for line in budget_lines(reader.budget()):
                _out.say(line, below="  ")
            _out.fields(_rows(reader, week))
    return 0


def _rows(reader: Reader, week: Period) -> Iterator[tuple[str, str]]:
    """(label, text) from top to bottom."""
    days = reader.days(week)
    if len(days) > 1:
        sparks = _out.sparkline(_daily(days))
        yield "7 days", f"{sparks}  {days[0].date} to {days[-1].date}"
    if month := reader.forecast():
        yield "month", month.text
    if nothing := reader.nothing(week):
        yield "7 days", nothing.replace("--", "finops spend --")  # which takes the flags it names
        return
    trend = reader.trend(week)
    if trend.now_tasks:
        yield "per task", f"{_out.usd(trend.now_usd)}, {trend.text}"
    yield "waste", _waste(reader, week)
    score = reader.score(week)
    points = None if score.score is None else f"{_out.score(score.score)} of 100"
    yield "score", points or score.reason or ""
    for lever in reader.levers(week)[:1]:
        saving = _out.usd(lever.estimated_saving_usd)
        as_now = f"{lever.basis}, from {_out.days(reader.days_of(week))}"
        yield "lever", f"{lever.title}: {saving}/month ({as_now}); see: finops levers"
    for alert in reader.alerts()[:ALERTS]:
        yield "alert", f"{alert.title}: {alert.message}"
    yield "coverage", coverage(reader.total(week))


def _daily(days: Sequence[DayTotals]) -> list[float]:
    """USD of each day from the first to the last; one without a call cost nothing."""
    usd = {date.fromisoformat(day.date): float(day.total.usd) for day in days}
    first, last = min(usd), max(usd)
    return [usd.get(first + timedelta(days=i), 0.0) for i in range((last - first).days + 1)]


def _waste(reader: Reader, week: Period) -> str:
    found = reader.waste(week)
    lost = found.avoidable_usd
    if not lost:
        return f"none found in {_out.usd(found.total_usd)} of 7 days"
    share = f" ({_out.percent(lost / found.total_usd)})" if found.total_usd else ""
    name, worst = found.dearest()[0]
    most = f"{name.replace('_', ' ')} {_out.usd(worst.usd)}"
    parts = (part.usd for part in found.categories.values() if part.basis == "estimated")
    guessed = sum(parts, Decimal(0))
    mark = f", {_out.usd(guessed)} of it estimated" if guessed else ""
    return f"{_out.usd(lost)} of {_out.usd(found.total_usd)}{share}{mark}; most: {most}"


def coverage(total: Totals) -> str:
    """How much of the calls is priced, and how much of it is estimated."""
    if not total.calls:
        return "no calls"
    outside = total.unpriced_calls + total.partial_calls
    priced = math.floor(1000 * (1 - outside / total.calls)) / 10  # never a full 100
    estimated = _out.percent(total.estimated_calls / total.calls)
    mend = "; names and mends: finops doctor" if outside else ""
    return f"{priced:g}% of calls priced, {estimated} estimated{mend}"


def _document(reader: Reader, week: Period) -> dict[str, Any]:
    view = reader.budget()
    if view.nothing:
        return {"budget": view.to_dict()}
    found, score = reader.waste(week), reader.score(week)
    levers, month = reader.levers(week), reader.forecast()
    return {
        "budget": view.to_dict(),
        "forecast": None if month is None else month.to_dict(),
        "trend": reader.trend(week).to_dict(),
        "waste_usd": plain(found.avoidable_usd),
        "waste_of_usd": plain(found.total_usd),
        "score": None if score.score is None else round(score.score, 2),
        "top_lever": levers[0].to_dict() if levers else None,
        "alerts": [alert.to_dict() for alert in reader.alerts()],
        "coverage": coverage(reader.total(week)),
    }
