"""`finops trend`: cost per task against its baseline, and why it changed."""

from __future__ import annotations

import argparse

from finops_pack.cli import _args, _out

HELP = "cost per task against the period before, with its interval and causes"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Compares with the period of the same length before. Example: finops trend --last 7d"""
    _args.add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Print the change, its certainty and its causes."""
    with _args.reader(args) as reader:
        period = _args.period(args, reader)
        trend = reader.trend(period, **_args.where(args))
        nothing = reader.nothing(period, **_args.where(args))
        outside = _args.unpriced(reader, period, args)
    if args.json:
        body = {**period.to_dict(), "nothing": nothing or None, **trend.to_dict()}
        _out.document("finops.trend", body)
        return 0
    if not trend.now_tasks:
        print(nothing or outside)
        return 0
    _out.say(f"cost per task: {_out.usd(trend.now_usd)}, {trend.text}")
    if trend.change is not None:
        verdict = "could be chance" if trend.chance else "too few dollars to matter"
        verdict = "significant" if trend.significant else verdict
        print(
            f"before: {_out.usd(trend.before_usd)} (n = {trend.before_tasks}); "
            f"{'p < .001' if trend.p < 0.001 else f'p = {trend.p:.3f}'}, {verdict}"
        )
        rows = [(f.cause, f"{f.points:+.1f}", _out.usd(f.usd)) for f in trend.factors]
        if rows:
            change = trend.now_usd - trend.before_usd
            rows.append(("the change", f"{trend.change * 100:+.1f}", _out.usd(change)))
            _out.table("causes", ("cause", "points", "USD a task"), rows)
    _out.note(outside)
    return 0
