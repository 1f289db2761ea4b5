"""`finops`: today in a screen."""

from __future__ import annotations

import argparse
from decimal import Decimal

from finops_pack.cli import _args, _out
from finops_pack.model import DayTotals, Totals
from finops_pack.money import plain
from finops_pack.query import Period, Reader
from finops_pack.query.text import budget_lines

HELP = "today in a screen: spend, budget, cost per task, waste, top lever"
WEEK = "7d"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops (the same as finops overview)"""
    _args.add_ledger(parser)


def run(args: argparse.Namespace) -> int:
    """Print the screen."""
    with _args.reader(args) as reader:
        week = Period.of(WEEK, zone=reader.zone)
        if args.json:
            _out.document("finops.overview", _document(reader, week))
        else:
            _screen(reader, week)
    return 0


def _screen(reader: Reader, week: Period) -> None:
    view = reader.budget()
    if not view.recorded:
        print(reader.nothing(week))
        return
    print("\n".join(budget_lines(view, reader.ledger_url)))
    days = reader.days(week)
    if len(days) > 1:
        print(f"last 7 days  {_out.sparkline([float(d.total.usd) for d in days])}  {_span(days)}")
    nothing = reader.nothing(week)
    if nothing:
        print(nothing)
        return
    total = reader.spend("model", week).total
    trend = reader.trend(week)
    print(f"cost per task  {_out.usd(trend.now_usd)}  {trend.text}")
    _waste(reader, week)
    levers = reader.levers(week)
    if levers:
        saving = _out.usd(levers[0].estimated_saving_usd)
        print(f"top lever  {levers[0].title}: {saving}/month ({levers[0].basis})")
    for alert in reader.alerts()[:3]:
        print(f"alert  {alert.title}: {alert.message}")
    print(f"coverage  {coverage(total)}")


def _span(days: list[DayTotals]) -> str:
    return f"{days[0].date} to {days[-1].date}"


def _waste(reader: Reader, week: Period) -> None:
    found, score = reader.waste(week), reader.score(week)
    spent = sum((c.usd for c in found.categories.values()), Decimal(0))
    names = sorted(found.categories.items(), key=lambda item: -item[1].usd)
    worst = f"; most: {names[0][0].replace('_', ' ')} {_out.usd(names[0][1].usd)}" if spent else ""
    share = f" ({spent / found.total_usd:.0%})" if found.total_usd else ""
    print(f"waste  {_out.usd(spent)} of {_out.usd(found.total_usd)}{share}{worst}")
    number = f"{score.score:.0f} of 100" if score.score is not None else score.reason
    print(f"score  {number}")


def coverage(total: Totals) -> str:
    """How much of the calls is priced, and how much of it is estimated."""
    if not total.calls:
        return "no calls"
    priced = 1 - total.unpriced_calls / total.calls
    estimated = total.estimated_calls / total.calls
    mend = "; unpriced: finops spend, then finops rates alias" if total.unpriced_calls else ""
    return f"{priced:.0%} priced, {estimated:.0%} estimated{mend}"


def _document(reader: Reader, week: Period) -> dict[str, object]:
    view = reader.budget()
    if not view.recorded:
        return {"recorded": False, "budget": view.to_dict()}
    found, score = reader.waste(week), reader.score(week)
    levers = reader.levers(week)
    return {
        "recorded": True,
        "budget": view.to_dict(),
        "trend": reader.trend(week).to_dict(),
        "waste_usd": plain(sum((c.usd for c in found.categories.values()), Decimal(0))),
        "waste_of_usd": plain(found.total_usd),
        "score": score.score,
        "top_lever": levers[0].to_dict() if levers else None,
        "alerts": [alert.to_dict() for alert in reader.alerts()],
        "coverage": coverage(reader.spend("model", week).total),
    }
