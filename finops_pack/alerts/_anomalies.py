"""What costs far more than usual: a day, a task, or tasks on the whole."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import median

from finops_pack.alerts._alert import Alert, dollars
from finops_pack.model import DayTotals
from finops_pack.money import shown
from finops_pack.stats import ROBUST_Z, greater_p, quantile, robust_log_z

HISTORY_DAYS = 28
MINIMUM_HISTORY = 7
LEAST_SPREAD = 0.05  # a history without any spread would make every change infinite
MINIMUM_FACTOR = Decimal("1.5")
MINIMUM_EXCESS_USD = Decimal(1)
SIGNIFICANT_P = 0.005
MINIMUM_TASKS = 20
OUTLIER_FACTOR = 4  # of the p95 seen in 28 days, which itself strays by a fifth
MINIMUM_TASK_USD = Decimal("0.10")


@dataclass(frozen=True, slots=True)
class TaskCost:
    """One task as alerts see it: its day (ISO, ledger's zone), id and USD."""

    date: str
    id: str
    usd: Decimal


def anomalies(days: Sequence[DayTotals], tasks: Sequence[TaskCost], today: date) -> list[Alert]:
    """Days and tasks that cost far more than usual, and tasks that have become dearer."""
    history = task_history(tasks, today)
    found = _task_anomalies(tasks, history, today) if len(history) >= MINIMUM_TASKS else []
    alert = _day_anomaly([day for day in days if day.date < today.isoformat()], today)
    if alert is None or any(told.period == alert.period for told in found):
        return found  # tasks that say why a day was dear say it better than the day
    return [*found, alert]


def _day_anomaly(complete: Sequence[DayTotals], today: date) -> Alert | None:
    """Robust z of the log of yesterday's cost, with a minimum factor and amount."""
    if not complete or complete[-1].date < (today - timedelta(days=1)).isoformat():
        return None
    day = complete[-1]
    history = _usual_days(complete[:-1][-HISTORY_DAYS:], day)
    if len(history) < MINIMUM_HISTORY or day.total.usd <= 0:
        return None
    usual = median(history)
    excess = day.total.usd - usual
    if excess < MINIMUM_EXCESS_USD or day.total.usd < usual * MINIMUM_FACTOR:
        return None
    z = robust_log_z([float(usd) for usd in history], float(day.total.usd), floor=LEAST_SPREAD)
    if z < ROBUST_Z:
        return None
    factor = day.total.usd / usual
    message = (
        f"{day.date} cost {dollars(day.total.usd)}, {factor:.1f} times the usual "
        f"{dollars(usual)} a day (median of {len(history)} days)."
    )
    return Alert("cost_anomaly", "high", f"Cost anomaly on {day.date}", message, day.date)


def _usual_days(days: Sequence[DayTotals], day: DayTotals) -> list[Decimal]:
    """USD of the days to compare with: working days or weekends, where enough are known."""
    known = [d for d in days if d.total.usd > 0]
    alike = [d for d in known if _weekend(d) == _weekend(day)]
    return [d.total.usd for d in (alike if len(alike) >= MINIMUM_HISTORY else known)]


def _weekend(day: DayTotals) -> bool:
    return date.fromisoformat(day.date).weekday() >= 5


def task_history(tasks: Sequence[TaskCost], today: date) -> list[float]:
    """USD of the tasks of the 28 days before yesterday."""
    yesterday = (today - timedelta(days=1)).isoformat()
    since = (today - timedelta(days=HISTORY_DAYS + 1)).isoformat()
    return [float(t.usd) for t in tasks if since <= t.date < yesterday and t.usd > 0]


def _task_anomalies(
    tasks: Sequence[TaskCost], history: Sequence[float], today: date
) -> list[Alert]:
    """A rise of what tasks cost, and single tasks far off.

    A rise is a one-sided Mann–Whitney test of yesterday's tasks (p < .005, at least $1 in all).
    A task far off cost more than 4 times the 95th percentile: today's are watched too.
    """
    yesterday = (today - timedelta(days=1)).isoformat()
    found = _outliers([t for t in tasks if t.date >= yesterday], quantile(history, 0.95))
    recent = [float(t.usd) for t in tasks if t.date == yesterday and t.usd > 0]
    rise = _rise(recent, history, yesterday)
    return [rise, *found] if rise else found


def _rise(recent: Sequence[float], history: Sequence[float], day: str) -> Alert | None:
    if not recent or greater_p(recent, history) >= SIGNIFICANT_P:
        return None
    mean, usual = sum(recent) / len(recent), sum(history) / len(history)
    if (mean - usual) * len(recent) < MINIMUM_EXCESS_USD:
        return None
    message = (
        f"Tasks on {day} cost {shown(Decimal(repr(mean)))} each, {mean / usual - 1:+.0%} against "
        f"the {HISTORY_DAYS} days before (n = {len(recent)})."
    )
    return Alert("cost_anomaly", "high", "Tasks have become dearer", message, day, "tasks")


def _outliers(tasks: Sequence[TaskCost], p95: float) -> list[Alert]:
    limit = max(Decimal(repr(p95)) * OUTLIER_FACTOR, MINIMUM_TASK_USD)
    return [
        Alert(
            "cost_anomaly",
            "high",
            "A task cost far more than usual",
            f"Task {task.id} cost {dollars(task.usd)}; 95 % of tasks cost less than "
            f"{shown(Decimal(repr(p95)))}. "
            f"See: finops task {shlex.quote(task.id)} --why",
            task.date,
            task.id,
        )
        for task in tasks
        if task.usd > limit
    ]
