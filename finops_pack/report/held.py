"""What a server says that it holds: how a try of unknown outcome is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from finops_pack.report.client import Reply
from finops_pack.report.model import MAX_COUNT
from finops_pack.report.outbox import Entry

WINDOW_DAYS = 88  # cost-trends tells 90 days; two for clocks and time zones


@dataclass(frozen=True)
class Held:
    """An answer of cost-trends: `requests` by date, None where the server cannot tell.

    `replaces`: it keeps one report a reporter and day, so that sending again is harmless.
    `reports`: the hash of each reporter's report, of the dates for which it says so.
    """

    replaces: bool
    requests: Mapping[str, int] | None
    since: str
    reports: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, reply: Reply, now: float) -> Held:
        """From an answer that came; a refusal means that the server cannot tell."""
        since = datetime.fromtimestamp(now, UTC).date() - timedelta(days=WINDOW_DAYS)
        rows = reply.body.get("data") if reply.kind == "ok" else None
        return cls(reply.replaces, _requests(rows), since.isoformat(), _reports(rows))

    def day(self, date: str) -> int | None:
        """The requests held for this day."""
        if self.requests is None or (date < self.since and date not in self.requests):
            return None
        return self.requests.get(date, 0)

    def holds(self, date: str, reporter: str) -> bool | None:
        """Whether it holds this reporter's day, or may; None where it cannot tell."""
        if date in self.reports:
            return reporter in self.reports[date]
        held = self.day(date)
        return None if held is None else held > 0

    def landed(self, entry: Entry) -> bool | None:
        """Whether that try arrived: the day rose by it, or became it; None where nothing tells."""
        held = self.day(entry.date)
        if held is None:
            return None
        if entry.before is None:  # others may have reported more than we did
            return held == entry.requests if held <= entry.requests else None
        return held - entry.before >= entry.requests or held == entry.requests != entry.before


def _requests(rows: Any) -> dict[str, int] | None:
    """Requests by date; a server that appends may tell a date in several rows."""
    if not isinstance(rows, list):
        return None
    found: dict[str, int] = {}
    for row in rows:
        try:
            date = str(row["date"])[:10]
            found[date] = found.get(date, 0) + int(row["total_requests"])
        except (TypeError, KeyError, ValueError, OverflowError):
            return None
        if abs(found[date]) > MAX_COUNT:  # the outbox could not keep it
            return None
    return found


def _reports(rows: Any) -> dict[str, dict[str, str]]:
    """Hashes by date and reporter, where the server is one that tells."""
    found: dict[str, dict[str, str]] = {}
    for row in rows if isinstance(rows, list) else ():
        try:
            told = {str(one["reporter"]): str(one["content_hash"]) for one in row["reports"]}
            found[str(row["date"])[:10]] = told
        except (TypeError, KeyError):
            continue
    return found
