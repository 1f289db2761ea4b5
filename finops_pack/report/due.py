"""Which days are to be delivered: complete, with calls, not delivered yet or changed since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from finops_pack.model import DayTotals, Totals, Where
from finops_pack.query.period import zone_of
from finops_pack.report import exact
from finops_pack.report.build import Identity, build
from finops_pack.report.model import DailyReport
from finops_pack.report.outbox import Entry

if TYPE_CHECKING:
    from finops_pack.ledger import Ledger

RECENT_DAYS = 2  # verdicts and waste may still move while the rollup stands still
SHOWN = (
    *("requests", "usd", "input_tokens", "output_tokens", "cache_read_tokens"),
    *("cache_write_5m_tokens", "cache_write_1h_tokens", "partial_calls", "unpriced_calls"),
    *("unpriced_tokens", "estimated_calls"),
)
KEY_REFUSED = (401, 403)


@dataclass(frozen=True)
class Due:
    """One day to deliver: its report, and its entry as it stood when this was worked out."""

    report: DailyReport
    figures: str
    complete: bool
    seen: Entry | None

    @property
    def date(self) -> str:
        """The day."""
        return self.report.date

    @property
    def content(self) -> str:
        """The hash of what the day says, whoever says it."""
        return content(self.report)

    @property
    def correction(self) -> bool:
        """Whether the day was delivered before, with other content."""
        return bool(self.seen and self.seen.sent_hash and not self.seen.unclear)


def content(report: DailyReport) -> str:
    """A hash that a new agent version or environment does not change."""
    body = report.body()
    own = {k: v for k, v in body["metadata"].items() if k not in ("agent_version", "environment")}
    return exact.digest({**body, "metadata": own})


class Days:
    """The days of a ledger as seen at one moment; each report is built once."""

    def __init__(self, ledger: Ledger, who: Identity) -> None:
        self._ledger = ledger
        self._who = who
        self.reporter = who.reporter
        self._built: dict[tuple[str, str], DailyReport] = {}

    def due(
        self, entries: Mapping[str, Entry], now: float, key: str | None, only: str | None = None
    ) -> list[Due]:
        """What is to be sent, least often tried first, then oldest; `only` is one date.

        A day that the server refused for good is due again once its figures changed, a key it
        refused was replaced, or it is asked for by date.
        """
        today = datetime.fromtimestamp(now, zone_of(self._ledger.time_zone)).date()
        found = self._found(entries, today, key, only)
        return sorted(found, key=lambda d: (d.seen.attempts if d.seen else 0, d.date))

    def _found(
        self, entries: Mapping[str, Entry], today: date, key: str | None, only: str | None
    ) -> Iterator[Due]:
        for day in self._days(entries):
            complete = day.date < today.isoformat()
            if not (complete or only) or only not in (None, day.date):
                continue
            entry = entries.get(day.date)
            figures = fingerprint(day)
            recent = day.date >= (today - timedelta(days=RECENT_DAYS)).isoformat()
            if entry and _settled(entry, figures, recent, key, only):
                continue
            report = self._report(day.date, figures)
            if not entry or entry.state != "sent" or content(report) != entry.sent_hash:
                yield Due(report, figures, complete, entry)

    def _days(self, entries: Mapping[str, Entry]) -> Iterator[DayTotals]:
        """Days with calls, and those that were told and have none any more.

        Moved to another day or a flat plan, their calls would stay on the server, or count twice.
        """
        left = {date for date, entry in entries.items() if entry.told}
        for day in self._ledger.days(Where()):
            if day.total.requests:
                left.discard(day.date)
                yield day
        yield from (DayTotals(date, Totals()) for date in sorted(left))

    def _report(self, day: str, figures: str) -> DailyReport:
        built = self._built.get((day, figures))
        if built is None:
            built = self._built[day, figures] = build(self._ledger, day, self._who)
        return built


def _settled(entry: Entry, figures: str, recent: bool, key: str | None, only: str | None) -> bool:
    """Whether nothing can have changed since this entry was written."""
    if entry.figures != figures or only:
        return False
    if entry.state == "failed":
        return not (entry.status in KEY_REFUSED and entry.key != key)
    return entry.state == "sent" and not recent


def fingerprint(day: DayTotals) -> str:
    """A hash of the day's rollup: as long as it stands, so do the day's amounts.

    The fields are named, lest one that a later version adds make every day look changed.
    """
    total = {name: getattr(day.total, name) for name in SHOWN}
    return exact.digest([day.date, total, day.by_model, day.by_action])
