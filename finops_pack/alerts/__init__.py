"""What a person should be told about spend, from days of totals: one alert a cause and period.

Pure functions of `DayTotals`, so that the ledger and the server say the same. An alert that is
no longer returned has lost its cause and is closed by whoever keeps alerts.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from operator import mul
from statistics import median

from finops_pack.alerts._alert import SEVERITIES, Alert, Severity, dollars
from finops_pack.alerts._anomalies import SIGNIFICANT_P, TaskCost, anomalies
from finops_pack.model import DayTotals

__all__ = [
    "SEVERITIES", "SIGNIFICANT_P", "Alert", "Severity", "TaskCost", "dollars", "from_days",
    "recent_writes",
]  # fmt: skip

SCORE_DROP = 10.0
SCORE_HISTORY = 14
SCORE_LEAST = 6  # scored days, the newest among them
WRITE_SHARE_LIMIT = Decimal("0.30")
WRITE_SHARE_DAYS = 7
SILENT_DAYS = 2
NAMED = 5  # models in one message


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
        *anomalies(days, tasks, today),
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


def _efficiency(days: Sequence[DayTotals]) -> Alert | None:
    scored = [(day.date, day.score) for day in days if day.score is not None]
    if len(scored) < SCORE_LEAST:
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
    """Cache writes and all spend in USD over the last 7 days, today among them, that know both.

    The count is of the days that they stand for: one without a row cost nothing, as in a forecast.
    """
    start = today - timedelta(days=WRITE_SHARE_DAYS - 1)
    week = [day for day in days if day.date >= start.isoformat()]
    known = [day for day in week if day.cache_write_usd_share is not None]
    usd = [d.total.usd if d.cache_known_usd is None else d.cache_known_usd for d in known]
    shares = [d.cache_write_usd_share or Decimal(0) for d in known]
    total, writes = sum(usd, Decimal(0)), sum(map(mul, usd, shares), Decimal(0))
    unknown = len(week) - len(known)
    return writes, total, _span(days, start, today) - unknown if known else 0


def _span(days: Sequence[DayTotals], start: date, today: date) -> int:
    """From the first day there is, or `start`, to yesterday; to today once there is some of it."""
    first, newest = (date.fromisoformat(days[place].date) for place in (0, -1))
    return (max(newest, today - timedelta(days=1)) - max(first, start)).days + 1


def _write_share(days: Sequence[DayTotals], today: date) -> Alert | None:
    writes, total, _ = recent_writes(days, today)
    if not total or writes / total <= WRITE_SHARE_LIMIT:
        return None
    message = (
        f"Cache writes were {writes / total:.1%} of your spend in the last {WRITE_SHARE_DAYS} "
        f"days, above {WRITE_SHARE_LIMIT:.0%}; they pay only where they are read back."
    )
    return Alert("cache_write_share", "medium", "Cache writes are expensive", message, _week(today))


def _unpriced(days: Sequence[DayTotals], today: date) -> Alert | None:
    recent = [day for day in days if day.date >= (today - timedelta(days=1)).isoformat()]
    names = sorted({name for day in recent for name in day.unpriced_models})
    if not names:
        return None
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    alias = shlex.quote(f"{names[0]}=KNOWN-MODEL")
    message = (
        f"No price is known for {', '.join(names[:NAMED])}{more}: the cost is missing from "
        f"every figure. Mend: finops rates alias {alias}"
    )
    title = "Models without a price"
    # One for all of them: named after one, it would become another when the names change.
    return Alert("unpriced_models", "medium", title, message, _week(today))


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


def _week(today: date) -> str:
    """`2026-W09`: the period of a cause that lasts."""
    year, week, _ = today.isocalendar()
    return f"{year}-W{week:02}"
