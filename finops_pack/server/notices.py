"""Alerts and recommendations of an account: said by the pure functions, remembered here.

An alert is raised once a cause and period: the store keeps its id and its moment, closes it when
its cause ends, and gives it the same id should the cause come back. Alerts are made out when
somebody looks, not at every report; its moment is the arrival of the newest report by then.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import date, timedelta
from typing import Any

from finops_pack import alerts, levers
from finops_pack.model import DayTotals
from finops_pack.server import accounts, clock, crypto, figures, reports
from finops_pack.server.accounts import Account
from finops_pack.server.shapes import Budget
from finops_pack.server.stores import Database

LOOK_BACK_DAYS = 60  # this month, the month before it, and the history of an anomaly
GONE_DAYS = 30  # a reporter that is silent for longer is not missed any more
_SILENCE = "report_missing:"  # what no report raises
_LONGEST_CAUSE = 200  # characters; an index of PostgreSQL holds no text of any length


def look_back() -> date:
    """The first day that alerts look at."""
    return clock.today() - timedelta(days=LOOK_BACK_DAYS)


def current(db: Database, account: Account, since: str = "") -> list[dict[str, Any]]:
    """The alerts in force now, newest first, as the API answers them.

    `since` is the moment of what raised new ones, if it was no report.
    """
    kept = reports.load(db, account.id, look_back(), reports.span_end(db, account.id))
    return remembered(db, account, [day.totals() for day in figures.days(kept)], since)


def set_budget(db: Database, account: Account, asked: Budget) -> Account:
    """The account as changed; what is left out stays, and alerts are of this moment."""
    changed = accounts.set_budget(
        db,
        account.id,
        asked.monthly_budget,
        asked.alert_threshold_pct or account.alert_threshold_pct,
        asked.company_name or account.company_name,
    )
    current(db, changed, clock.stamp())
    return changed


def open_count(db: Database, account_id: str) -> int:
    """How many alerts were in force when somebody last looked."""
    rows = db.read(
        "SELECT count(*) AS n FROM alert WHERE account_id = ? AND closed_at IS NULL", (account_id,)
    )
    return int(rows[0]["n"])


def remembered(
    db: Database, account: Account, days: Sequence[DayTotals], moment: str = ""
) -> list[dict[str, Any]]:
    """The alerts that these days raise, each with its id and first moment.

    `days` reach from `look_back()` or before to the newest report: all who ask must look at the
    same days, or what one opens another closes.
    """
    since = look_back().isoformat()
    found = alerts.from_days(
        [day for day in days if day.date >= since],
        today=clock.today(),
        monthly_budget=account.monthly_budget,
        threshold_pct=account.alert_threshold_pct,
        last_reports=reports.reporters(db, account.id, clock.today() - timedelta(days=GONE_DAYS)),
    )
    causes = {_cause(alert): alert for alert in found}
    known = _known(db, account.id, causes.keys(), moment)
    answer = [
        {
            "id": known[cause]["id"],
            "alert_type": alert.alert_type,
            "severity": alert.severity,
            "title": alert.title,
            "message": alert.message,
            "created_at": known[cause]["created_at"],
        }
        for cause, alert in causes.items()
    ]
    return sorted(answer, key=lambda a: (a["created_at"], a["id"]), reverse=True)


def _cause(alert: alerts.Alert) -> str:
    return alert.key if len(alert.key) <= _LONGEST_CAUSE else crypto.fingerprint(alert.key)


def _known(
    db: Database, account_id: str, causes: Set[str], moment: str
) -> dict[str, dict[str, Any]]:
    """What is remembered of these causes; writes only when something opened or closed."""
    rows = db.read(
        "SELECT cause, id, created_at FROM alert WHERE account_id = ? AND closed_at IS NULL",
        (account_id,),
    )
    known = {row["cause"]: row for row in rows}
    if known.keys() == causes:
        return known
    moment = moment or reports.newest_arrival(db, account_id, look_back()) or clock.stamp()
    with db.write() as t:
        for cause in sorted(causes - known.keys()):
            since = clock.stamp() if cause.startswith(_SILENCE) else moment
            known[cause] = t.run(
                "INSERT INTO alert (account_id, cause, id, created_at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (account_id, cause) DO UPDATE SET closed_at = NULL"
                " RETURNING cause, id, created_at",
                (account_id, cause, crypto.new_id("alt"), since),
            )[0]
        for cause in sorted(known.keys() - causes):
            t.run(
                "UPDATE alert SET closed_at = ? WHERE account_id = ? AND cause = ?",
                (clock.stamp(), account_id, cause),
            )
    return known


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
