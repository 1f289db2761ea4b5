"""Alerts and forecast of a ledger, from the functions that the server uses too."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from finops_pack import alerts as rules
from finops_pack import forecast
from finops_pack.model import DayTotals
from finops_pack.query.period import Period

if TYPE_CHECKING:
    from finops_pack.query.reader import Reader

HISTORY_DAYS = 60


def alerts(reader: Reader) -> list[rules.Alert]:
    """The alerts in force today, from days and tasks of the last 60 days."""
    today = datetime.now(reader.zone).date()
    period = Period.of(f"{HISTORY_DAYS}d", zone=reader.zone)
    days = reader.days(period)
    return rules.from_days(
        days,
        today=today,
        monthly_budget=_monthly(reader),
        tasks=_task_costs(reader, period),
    )


def month(reader: Reader) -> forecast.Forecast | None:
    """The forecast of this month against the monthly budget, if one is set."""
    now = datetime.now(reader.zone)
    days: list[DayTotals] = reader.days(Period.of(f"{HISTORY_DAYS}d", zone=reader.zone))
    elapsed = (now.hour * 60 + now.minute) / 1440
    return forecast.month(days, now.date(), elapsed=elapsed, limit=_monthly(reader))


def _monthly(reader: Reader) -> Decimal | None:
    limits = [
        line.limit_usd
        for line in reader.budget().lines
        if line.window == "month" and line.scope == "everything"
    ]
    return min(limits, default=None)


def _task_costs(reader: Reader, period: Period) -> list[rules.TaskCost]:
    return [
        rules.TaskCost(_day(task.start_us, reader), task.id, task.usd)
        for task in reader.tasks(period)
        if task.calls
    ]


def _day(start_us: int, reader: Reader) -> str:
    return datetime.fromtimestamp(start_us / 1e6, UTC).astimezone(reader.zone).date().isoformat()
