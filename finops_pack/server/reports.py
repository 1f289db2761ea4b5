"""Reports in the store: one row an (account, date, reporter, period); sent again, replaced."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from finops_pack.report.model import DailyReport, InvalidReport
from finops_pack.server import clock, crypto
from finops_pack.server.stores import Database

MAX_REPORTER = 200
MAX_PERIOD = 64


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a report."""

    report_id: str
    replaced: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """A report as it is held; `body` is its document with exact amounts."""

    date: str
    reporter: str
    report_id: str
    content_hash: str
    body: dict[str, Any]


def check(report: DailyReport) -> None:
    """Raise `InvalidReport` for what a store cannot key by or a calendar does not allow yet."""
    if report.date > (clock.today() + timedelta(days=1)).isoformat():
        raise InvalidReport("date", f"lies in the future: {report.date}")
    if len(report.reporter) > MAX_REPORTER:
        raise InvalidReport("metadata", f"reporter is longer than {MAX_REPORTER} characters")
    if len(report.period or "") > MAX_PERIOD:
        raise InvalidReport("metadata", f"period is longer than {MAX_PERIOD} characters")


def save(db: Database, account_id: str, report: DailyReport) -> Saved:
    """Keep a report, in place of the one this reporter sent for this date before."""
    key = (account_id, report.date, report.reporter, report.period or "")
    text, digest = report.text(), report.content_hash
    scored = report.efficiency_score is not None
    with db.write() as t:
        before = t.run(
            "SELECT content_hash FROM report"
            " WHERE account_id = ? AND date = ? AND reporter = ? AND period = ?",
            key,
        )
        row = t.run(
            "INSERT INTO report (account_id, date, reporter, period, report_id, content_hash,"
            " scored, body, received_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (account_id, date, reporter, period) DO UPDATE SET"
            " content_hash = excluded.content_hash, scored = excluded.scored,"
            " body = excluded.body, received_at = excluded.received_at RETURNING report_id",
            (*key, crypto.new_id("rpt"), digest, scored, text, clock.stamp()),
        )[0]
    replaced = bool(before) and before[0]["content_hash"] != digest
    return Saved(row["report_id"], replaced)


def span_end(db: Database, account_id: str) -> date:
    """The later of today (UTC) and the newest report."""
    rows = db.read("SELECT max(date) AS newest FROM report WHERE account_id = ?", (account_id,))
    newest = rows[0]["newest"]
    return max(clock.today(), date.fromisoformat(newest)) if newest else clock.today()


def began(db: Database, account_id: str) -> date | None:
    """The first day that was reported."""
    rows = db.read("SELECT min(date) AS oldest FROM report WHERE account_id = ?", (account_id,))
    oldest = rows[0]["oldest"]
    return date.fromisoformat(oldest) if oldest else None


def load(db: Database, account_id: str, since: date, until: date) -> Iterator[Kept]:
    """The account's reports from `since` to `until`, both inclusive, oldest first.

    Each is read from its text when it is asked for: read, a report is ten times as large.
    """
    rows = db.read(
        "SELECT date, reporter, report_id, content_hash, body FROM report"
        " WHERE account_id = ? AND date >= ? AND date <= ? ORDER BY date, reporter, period",
        (account_id, since.isoformat(), until.isoformat()),
    )
    return (Kept(**{**row, "body": json.loads(row["body"], parse_float=Decimal)}) for row in rows)


def last_scored(db: Database, account_id: str) -> Iterable[Kept]:
    """The reports of the newest day that has a score."""
    rows = db.read(
        "SELECT max(date) AS newest FROM report WHERE account_id = ? AND scored", (account_id,)
    )
    if rows[0]["newest"] is None:
        return []
    newest = date.fromisoformat(rows[0]["newest"])
    return load(db, account_id, newest, newest)


def reporters(db: Database, account_id: str, since: date) -> dict[str, str]:
    """Who has reported on a day from `since` on, and the newest day of each."""
    rows = db.read(
        "SELECT reporter, max(date) AS newest FROM report WHERE account_id = ? AND date >= ?"
        " GROUP BY reporter ORDER BY reporter",
        (account_id, since.isoformat()),
    )
    return {row["reporter"]: row["newest"] for row in rows}


def newest_arrival(db: Database, account_id: str, since: date) -> str | None:
    """When the report came in that came in last, of those for days from `since` on."""
    rows = db.read(
        "SELECT max(received_at) AS newest FROM report WHERE account_id = ? AND date >= ?",
        (account_id, since.isoformat()),
    )
    newest: str | None = rows[0]["newest"]
    return newest


def any_report(db: Database, account_id: str) -> bool:
    """Whether this account has ever reported."""
    return bool(db.read("SELECT 1 FROM report WHERE account_id = ? LIMIT 1", (account_id,)))
