"""Workflow: a heartbeat that beats half as often costs about half."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from decimal import Decimal
from statistics import median

from finops_pack.levers._lever import Lever, Tally, Work
from finops_pack.model import Call

MINIMUM_TASKS = 5


def find(work: Work) -> Iterable[Lever]:
    """One lever a project whose heartbeat tasks cost money."""
    spent = Tally()
    for call in work.calls:
        if call.task and work.trigger(call) == "heartbeat":
            spent.add(call.project or "", call.amount_usd, call)
    for project, usd, calls in spent:
        hours = _interval_hours(calls)
        if hours is None:
            continue
        yield from work.lever(
            "workflow",
            "Lengthen the heartbeat interval",
            usd / 2,
            calls,
            f"The heartbeat runs every {hours:.1f} h; let it run every {2 * hours:.1f} h",
            low=usd * Decimal("0.35"),
            high=usd * Decimal("0.65"),
            basis="estimated",
            effort="config",
            assumption="half the runs, each at today's cost",
            subject=project,
            scope={"project": project},
            measure="day",
        )


def _interval_hours(calls: Iterable[Call]) -> float | None:
    first: dict[str, int] = {}
    for call in calls:
        first.setdefault(call.task or "", call.start_us)
    starts = sorted(first.values())
    if len(starts) < MINIMUM_TASKS:
        return None
    return median(b - a for a, b in itertools.pairwise(starts)) / 3.6e9
