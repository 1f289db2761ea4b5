"""Alerts and recommendations of an account: said by the pure functions, remembered here.

An alert is raised once a cause and period: the store keeps its id and the moment it was first
seen, closes it when its cause ends, and gives it the same id should the cause come back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from finops_pack import alerts, levers
from finops_pack.model import DayTotals
from finops_pack.server import clock, crypto, figures, reports
from finops_pack.server.accounts import Account
from finops_pack.server.stores import Database

LOOK_BACK_DAYS = 60  # this month, the month before it, and the history of an anomaly


def current(db: Database, account: Account) -> list[dict[str, Any]]:
    """The alerts in force now, newest first, as the API answers them."""
    return remembered(db, account, recent(db, account))


def recent(db: Database, account: Account) -> list[DayTotals]:
    """The days that alerts and recommendations look at."""
    end = reports.span_end(db, account.id)
    kept = reports.load(db, account.id, end - timedelta(days=LOOK_BACK_DAYS), end)
    return [day.totals() for day in figures.days(kept)]


def remembered(db: Database, account: Account, days: Sequence[DayTotals]) -> list[dict[str, Any]]:
    """The alerts that these days raise, each with its id and first moment."""
    found = alerts.from_days(
        days,
        today=clock.today(),
        monthly_budget=account.monthly_budget,
        threshold_pct=account.alert_threshold_pct,
        last_reports=reports.reporters(db, account.id),
    )
    known = _known(db, account.id, {alert.key for alert in found})
    answer = [
        {
            "id": known[alert.key]["id"],
            "alert_type": alert.alert_type,
            "severity": alert.severity,
            "title": alert.title,
            "message": alert.message,
            "created_at": known[alert.key]["created_at"],
        }
        for alert in found
    ]
    return sorted(answer, key=lambda a: (a["created_at"], a["id"]), reverse=True)


def _known(db: Database, account_id: str, causes: set[str]) -> dict[str, dict[str, Any]]:
    """What is remembered of these causes; writes only when something opened or closed."""
    rows = _open(db, account_id)
    if rows.keys() != causes:
        with db.write() as t:
            for cause in causes - rows.keys():
                t.run(
                    "INSERT INTO alert (account_id, cause, id, created_at) VALUES (?, ?, ?, ?)"
                    " ON CONFLICT (account_id, cause) DO UPDATE SET closed_at = NULL",
                    (account_id, cause, crypto.new_id("alt"), clock.stamp()),
                )
            for cause in rows.keys() - causes:
                t.run(
                    "UPDATE alert SET closed_at = ? WHERE account_id = ? AND cause = ?",
                    (clock.stamp(), account_id, cause),
                )
        rows = {**rows, **_open(db, account_id)}
    return rows


def _open(db: Database, account_id: str) -> dict[str, dict[str, Any]]:
    rows = db.read(
        "SELECT cause, id, created_at FROM alert WHERE account_id = ? AND closed_at IS NULL",
        (account_id,),
    )
    return {row["cause"]: row for row in rows}


def recommendations(days: Sequence[DayTotals], today: date) -> list[dict[str, Any]]:
    """What to change, dearest first, as the API answers it."""
    return [
        {
            "id": lever.id,
            "lever": lever.lever,
            "title": lever.title,
            "message": lever.message,
            "estimated_saving_usd": lever.estimated_saving_usd,
            "basis": lever.basis,
            "effort": lever.effort,
        }
        for lever in levers.from_days(days, today=today)
    ]
