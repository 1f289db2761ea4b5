"""`finops score`: the share of the money that was not avoidable, and what a task costs."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from finops_pack.cli import _args, _out

if TYPE_CHECKING:
    from finops_pack.score import Score

HELP = "0-100: the share of the money that was not avoidable, with cost per task beside it"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops score --last 30d"""
    _args.add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Print the score with its points, and cost per task and per success."""
    with _args.reader(args) as reader:
        period = _args.period(args, reader)
        score = reader.score(period, **_args.where(args))
        nothing = reader.nothing(period, **_args.where(args))
        outside = _args.unpriced(reader, period, args)
    if args.json:
        body = {**score.to_dict(), "nothing": nothing or None}
        _out.document("finops.score", {**period.to_dict(), **body})
    elif nothing:
        print(nothing)
    else:
        _show(score, args)
        _out.note(outside)
    return 0


def _show(score: Score, args: argparse.Namespace) -> None:
    if score.score is None:
        print(score.reason)
    else:
        _out.say(
            f"{_out.score(score.score, 1)} of 100: {_out.usd(score.avoidable_usd)} of "
            f"{_out.usd(score.total_usd)} was avoidable; one point is one percent of the money"
        )
    if score.points:
        rows = [
            (lost.category.replace("_", " "), _lost(lost.points), _out.usd(lost.usd),
             f"{lost.on:,}", lost.basis)
            for lost in score.points
        ]  # fmt: skip
        _out.table("points lost", ("category", "points", "USD", "calls", "basis"), rows)
        print(f"which calls, and the mend: {_args.again(args, 'waste')}")
    if score.usd_per_task is not None:
        print(f"cost per task: {_out.usd(score.usd_per_task)} (n = {score.tasks:,})")
    if score.usd_per_success is not None:
        done = score.succeeded + score.failed
        print(
            f"cost per successful task: {_out.usd(score.usd_per_success)} "
            f"({score.succeeded:,} of {done:,} succeeded)"
        )


def _lost(points: float) -> str:
    text = f"{points:.1f}"
    return text if text == "0.0" else f"-{text}"
