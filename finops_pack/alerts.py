"""What a person should be told about spend, from days of totals: one alert a cause and period.

Pure functions of `DayTotals`, so that the ledger and the server say the same. An alert that is
no longer returned has lost its cause and is closed by whoever keeps alerts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import Any, Literal

from finops_pack.model import DayTotals
from finops_pack.money import shown
from finops_pack.stats import greater_p, quantile, robust_log_z

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES = ("low", "medium", "high", "critical")

HISTORY_DAYS = 28
MINIMUM_HISTORY = 7
ROBUST_Z = 3.5  # Iglewicz & Hoaglin, How to Detect and Handle Outliers, 1993
LEAST_SPREAD = 0.05  # a history without any spread would make every change infinite
MINIMUM_FACTOR = Decimal("1.5")
MINIMUM_EXCESS_USD = Decimal(1)
SCORE_DROP = 10.0
SCORE_HISTORY = 14
WRITE_SHARE_LIMIT = Decimal("0.30")
WRITE_SHARE_DAYS = 7
SILENT_DAYS = 2
SIGNIFICANT_P = 0.005
MINIMUM_TASKS = 20
OUTLIER_FACTOR = 4  # of the p95 seen in 28 days, which itself strays by a fifth
NAMED = 5  # models in one message
MINIMUM_TASK_USD = Decimal("0.10")
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert; `key` is the same for the same cause in the same period."""

    alert_type: str
    severity: Severity
    title: str
    message: str
    period: str
    cause: str = ""

    @property
    def key(self) -> str:
        """What makes two alerts the same one."""
        return f"{self.subject}:{self.period}"

    @property
    def subject(self) -> str:
        """Its type and cause, the same in every period: what a person mutes."""
        return f"{self.alert_type}:{self.cause}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "key": self.key,
            "alert_type": self.alert_type,
            "severity": self.severity,
            "title": self.title,
            "message": self.message,
            "period": self.period,
        }


def from_days(
    days: Sequence[DayTotals],
    *,
    today: date,
    monthly_budget: Decimal | None = None,
    threshold_pct: int = 80,
    last_reports: Mapping[str, str] | None = None,
    tasks: Sequence[TaskCost] = (),
) -> list[Alert]:
    """The alerts in force today; `days` oldest first, `last_reports` reporter -> newest date.

    Anomalies are looked for in the tasks where enough of them are known, and in the days.
    """
    found = [
        _budget(days, today, monthly_budget, threshold_pct),
        *_anomalies(days, tasks, today),
        _efficiency(days),
        _write_share(days, today),
        _unpriced(days, today),
        *_silent(last_reports or {}, today),
    ]
    return [alert for alert in found if alert is not None]


def _budget(
    days: Sequence[DayTotals], today: date, limit: Decimal | None, threshold_pct: int
) -> Alert | None:
    if not limit or limit <= 0:
        return None
    month = today.isoformat()[:7]
    spent = sum((day.total.usd for day in days if day.date.startswith(month)), Decimal(0))
    percent = int(spent * 100 / limit)
    if percent < threshold_pct:
        return None
    message = f"You have used {dollars(spent)} of your {dollars(limit)} monthly budget."
    if spent >= limit:
        return Alert("budget_exceeded", "critical", "Monthly budget exceeded", message, month)
    title = f"Monthly budget {percent}% consumed"
    return Alert("budget_warning", "high", title, message, month)


def _anomalies(days: Sequence[DayTotals], tasks: Sequence[TaskCost], today: date) -> list[Alert]:
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


@dataclass(frozen=True, slots=True)
class TaskCost:
    """One task as alerts see it: its day (ISO, ledger's zone), id and USD."""

    date: str
    id: str
    usd: Decimal


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
            f"See: finops task {task.id} --why",
            task.date,
            task.id,
        )
        for task in tasks
        if task.usd > limit
    ]


def _efficiency(days: Sequence[DayTotals]) -> Alert | None:
    scored = [(day.date, day.score) for day in days if day.score is not None]
    if len(scored) < 6:
        return None
    date_, score = scored[-1]
    usual = median(value for _, value in scored[:-1][-SCORE_HISTORY:])
    if score > usual - SCORE_DROP:
        return None
    message = f"The efficiency score of {date_} is {score:.0f}; it is usually {usual:.0f}."
    # The week of the newest score: a drop that nobody reports on any more is not told anew.
    week = _week(date.fromisoformat(date_))
    return Alert("efficiency_drop", "medium", "Efficiency dropped", message, week)


def recent_writes(days: Sequence[DayTotals], today: date) -> tuple[Decimal, Decimal, int]:
    """Cache writes and all spend in USD over the last 7 days, today among them, that know both."""
    since = (today - timedelta(days=WRITE_SHARE_DAYS - 1)).isoformat()
    known = [d for d in days if d.date >= since and d.cache_write_usd_share is not None]
    total = sum((d.total.usd for d in known), Decimal(0))
    writes = sum((d.total.usd * (d.cache_write_usd_share or 0) for d in known), Decimal(0))
    return writes, total, len(known)


def _write_share(days: Sequence[DayTotals], today: date) -> Alert | None:
    writes, total, _ = recent_writes(days, today)
    if not total or writes / total <= WRITE_SHARE_LIMIT:
        return None
    message = (
        f"Cache writes were {writes / total:.0%} of your spend in the last {WRITE_SHARE_DAYS} "
        f"days; above {WRITE_SHARE_LIMIT:.0%} they are rarely read back."
    )
    return Alert("cache_write_share", "medium", "Cache writes are expensive", message, _week(today))


def _unpriced(days: Sequence[DayTotals], today: date) -> Alert | None:
    recent = [day for day in days if day.date >= (today - timedelta(days=1)).isoformat()]
    names = sorted({name for day in recent for name in day.unpriced_models})
    if not names:
        return None
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    message = (
        f"No price is known for {', '.join(names[:NAMED])}{more}: their cost is missing from "
        f"every figure. Mend: finops rates alias {names[0]}=KNOWN-MODEL"
    )
    title = "Models without a price"
    # One for all of them: named after one, it would become another when the names change.
    return Alert("unpriced_models", "medium", title, message, _week(today))


def _week(today: date) -> str:
    """`2026-W09`: the period of a cause that lasts."""
    year, week, _ = today.isocalendar()
    return f"{year}-W{week:02}"


def _silent(last_reports: Mapping[str, str], today: date) -> list[Alert]:
    overdue = (today - timedelta(days=SILENT_DAYS)).isoformat()
    return [
        Alert(
            "report_missing",
            "medium",
            "A reporter has fallen silent",
            f"The last report of {reporter} is for {newest}.",
            newest,
            reporter,
        )
        for reporter, newest in sorted(last_reports.items())
        if newest < overdue
    ]


def dollars(usd: Decimal) -> str:
    """`$400`, `$12.50`, `$0.004`: cents only where there are any, less only where that is all."""
    if abs(usd) < _CENT:
        return shown(usd)
    cents = usd.quantize(_CENT)
    return f"${cents:,.0f}" if cents == cents.to_integral_value() else f"${cents:,.2f}"
