"""Times as the API writes them: ISO-8601 UTC with `Z`, so that text order is time order."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta


def now() -> datetime:
    """This moment, aware, UTC."""
    return datetime.now(UTC)


def today() -> date:
    """The calendar day in UTC."""
    return now().date()


def elapsed() -> float:
    """The share of today (0-1) that has passed."""
    return (now().hour * 60 + now().minute) / 1440


def stamp(moment: datetime | None = None, *, after: timedelta = timedelta(0)) -> str:
    """`2026-02-25T10:30:00Z`: a moment (now by default), moved by `after`."""
    return ((moment or now()) + after).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(text: str) -> datetime:
    """The moment behind a stamp."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
