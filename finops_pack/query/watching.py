"""Alerts and forecast of a ledger, from the functions that the server uses too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from finops_pack import alerts as rules
from finops_pack import config, forecast, forks
from finops_pack.budgets import thresholds
from finops_pack.model import DayTotals
from finops_pack.query.flow import KEPT
from finops_pack.query.nested import inside
from finops_pack.query.period import Period

if TYPE_CHECKING:
    from finops_pack.query.reader import Reader

HISTORY_DAYS = 60
MONTHLY = "month:everything"  # which the forecast and the days' own rule take


def alerts(reader: Reader, *, silenced: bool = False) -> list[rules.Alert]:
    """The alerts in force today; without `silenced`, those not acknowledged or muted."""
    states = reader.documents("alert")

    def silent(alert: rules.Alert) -> bool:
        told = states.get(alert.key, {})
        return bool(told.get("acknowledged") or states.get(alert.subject, {}).get("muted"))

    said = [alert for alert in _in_force(reader) if silenced or not silent(alert)]
    return sorted(said, key=lambda alert: rules.SEVERITIES.index(alert.severity), reverse=True)


def muted(reader: Reader) -> list[str]:
    """What was muted: `TYPE:CAUSE`, whatever the period."""
    return sorted(key for key, told in reader.documents("alert").items() if told.get("muted"))


def _in_force(reader: Reader) -> list[rules.Alert]:
    """From days and tasks of the last 60 days."""
    today = datetime.now(reader.zone).date()
    period = Period.of(f"{HISTORY_DAYS}d", zone=reader.zone)
    days = reader.days(period)
    week = Period.of(f"{rules.WRITE_SHARE_DAYS}d", zone=reader.zone)
    shares, scores = write_shares(reader, week), _scores(reader, days, today)
    found = rules.from_days(
        [
            replace(day, cache_write_usd_share=shares.get(day.date), score=scores.get(day.date))
            for day in days
        ],
        today=today,
        monthly_budget=_monthly(reader),
        threshold_pct=warning_pct(),
        last_reports=_last_report(reader, days, today),
        tasks=_task_costs(reader, period),
    )
    return [*found, *_budgets(reader, today.isoformat())]


def _scores(reader: Reader, days: list[DayTotals], today: date) -> dict[str, float]:
    """The scores of the complete days that the rule looks at, as their reports would have them.

    More calls than are kept in memory are left to the reports: nobody waits for an alert so long.
    """
    with forks.barred():
        from finops_pack.score import enough

    since = (today - timedelta(days=rules.SCORE_HISTORY + 1)).isoformat()
    known = [day for day in days if since <= day.date < today.isoformat()]
    judged = [day for day in known if enough(day.total.requests, day.total.usd)]
    if len(judged) < rules.SCORE_LEAST or sum(day.total.calls for day in known) > KEPT:
        return {}
    wasted = reader.waste(Period.of(since=since, until=today.isoformat(), zone=reader.zone)).days
    return {
        day.date: float(100 * (1 - wasted.get(day.date, Decimal(0)) / day.total.usd))
        for day in judged
    }


def write_shares(reader: Reader, period: Period) -> dict[str, Decimal]:
    """What cache writes were of each day's dollars; calls are read only if there were any."""
    with forks.barred():
        from finops_pack import cache

    days = [day for day in reader.days(period) if day.total.usd]
    shares = {day.date: Decimal(0) for day in days}
    if any(day.total.cache_write_5m_tokens or day.total.cache_write_1h_tokens for day in days):
        wrote = cache.write_shares(reader.flow(period), reader.facts, reader.zone)
        shares |= {day: share for day, share in wrote.items() if day in shares}
    return shares


def _budgets(reader: Reader, today: str) -> Iterator[rules.Alert]:
    """Every other budget with a clock that is nearly used: one a window, one more when full."""
    warning = warning_pct()
    for line in reader.budget().lines:
        percent = int(line.used * 100)
        if not line.clocked or percent < warning or line.id == MONTHLY:
            continue
        said = f"{rules.dollars(line.spent_usd + line.reserved_usd)} used"
        said += f"; a new window begins at {line.resets_at}." if line.resets_at else "."
        until = line.resets_at or today
        if percent >= 100:
            title = f"Budget used up: {line.spec}"
            yield rules.Alert("budget_exceeded", "critical", title, said, until, line.id)
        else:
            title = f"Budget {percent}% consumed: {line.spec}"
            yield rules.Alert("budget_warning", "high", title, said, until, line.id)


def _last_report(reader: Reader, days: list[DayTotals], today: date) -> dict[str, str]:
    """Where the last report went, and the newest there, if days with calls have followed it.

    Asked of the outbox, not of the settings: `finops connect` keeps its URL beside the key.
    """
    sent = [e for e in reader.documents("outbox").values() if e.get("sent_hash")]
    if not sent:
        return {}
    url = max(sent, key=lambda entry: entry.get("sent_at") or 0.0)["url"]
    newest = max(str(entry["date"]) for entry in sent if entry["url"] == url)
    late = (today - timedelta(days=rules.SILENT_DAYS)).isoformat()
    if not any(newest < day.date < late for day in days):
        return {}
    return {f"this ledger to {url}": newest}


def warning_pct() -> int:
    """The last threshold before the limit itself."""
    below = [level for level in thresholds(config.load().thresholds) if level < 100]
    return max(below, default=100)


def month(reader: Reader) -> forecast.Forecast | None:
    """The forecast of this month against the monthly budget, if one is set."""
    now = datetime.now(reader.zone)
    days: list[DayTotals] = reader.days(Period.of(f"{HISTORY_DAYS}d", zone=reader.zone))
    elapsed = (now.hour * 60 + now.minute) / 1440
    span = reader.span()
    began = datetime.fromtimestamp(span[0] / 1e6, reader.zone).date() if span else None
    limit = _monthly(reader)
    return forecast.month(days, now.date(), began=began, elapsed=elapsed, limit=limit)


def _monthly(reader: Reader) -> Decimal | None:
    limits = [line.limit_usd for line in reader.budget().lines if line.id == MONTHLY]
    return min(limits, default=None)


def _task_costs(reader: Reader, period: Period) -> list[rules.TaskCost]:
    """A task with those inside it."""
    tasks = reader.tasks(period)
    held, known = inside(tasks), {task.id for task in tasks}
    return [
        rules.TaskCost(_day(task.start_us, reader), task.id, task.usd + held.get(task.id, 0))
        for task in tasks
        if task.parent not in known and (task.calls or task.id in held)
    ]


def _day(start_us: int, reader: Reader) -> str:
    return datetime.fromtimestamp(start_us / 1e6, UTC).astimezone(reader.zone).date().isoformat()
