"""Periods of time as people write them: `7d`, `12h`, dates in the ledger's zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from finops_pack import forks
from finops_pack.errors import InputError
from finops_pack.model import Where

_LAST = r"^(\d{1,5})([dh])$"
MEND = "write --last 7d or 12h, or --since 2026-11-01 [--until 2026-11-08]"


@dataclass(frozen=True, slots=True)
class Period:
    """`since` inclusive, `until` exclusive, both aware; None is open."""

    since: datetime | None
    until: datetime | None
    label: str = "all time"

    @classmethod
    def of(
        cls,
        last: str | None = None,
        since: str | None = None,
        until: str | None = None,
        *,
        zone: tzinfo = UTC,
        now: datetime | None = None,
    ) -> Period:
        """`last` counts calendar days including today (`d`) or hours (`h`).

        Raises `InputError` with the mend for anything else.
        """
        now = now or datetime.now(UTC)
        if last is not None:
            if since or until:
                raise InputError("--last goes without --since and --until", mend=MEND)
            return cls(_last(last, now, zone), None, f"last {last}")
        begin = None if since is None else _moment("since", since, zone)
        end = None if until is None else _moment("until", until, zone)
        if begin and end and begin >= end:
            raise InputError(f"--since {since} is not before --until {until}", mend=MEND)
        label = " ".join(
            words for words in (since and f"since {since}", until and f"until {until}") if words
        )
        return cls(begin, end, label or "all time")

    @classmethod
    def day(cls, date: str, zone: str = "UTC") -> Period:
        """One calendar day (ISO date) in a zone given by name."""
        begin = _moment("date", date, zone_of(zone))
        end = (begin.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=begin.tzinfo)
        return cls(begin, end, date)

    def where(self, **fields: Any) -> Where:
        """The calls of this period, and of `fields` (any of `Where`)."""
        return Where(since_us=_us(self.since), until_us=_us(self.until), **fields)

    def before(self) -> Period:
        """The period of the same length that ends where this one begins."""
        if self.since is None:
            return Period(None, datetime.fromtimestamp(0, UTC), "before")
        length = (self.until or datetime.now(UTC)) - self.since
        label = f"{length.days or 1} days before"
        try:
            return Period(self.since - length, self.since, label)
        except OverflowError:  # before the year 1
            return Period(None, self.since, label)

    @property
    def days(self) -> float | None:
        """Its length up to now, None when it has no beginning."""
        if self.since is None:
            return None
        return max(1.0, ((self.until or datetime.now(UTC)) - self.since).total_seconds() / 86400)

    def to_dict(self) -> dict[str, str | None]:
        """JSON-ready."""
        return {"since": iso(self.since), "until": iso(self.until)}


def _last(text: str, now: datetime, zone: tzinfo) -> datetime:
    match = re.match(_LAST, text.strip())
    if match is None or not int(match[1]):
        raise InputError(f"--last {text!r} is not a period", mend=MEND)
    count = int(match[1])
    if match[2] == "h":
        return now - timedelta(hours=count)
    today = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today.replace(tzinfo=None) - timedelta(days=count - 1)).replace(tzinfo=zone)


def _moment(name: str, text: str, zone: tzinfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InputError(f"--{name} {text!r} is not a date or time", mend=MEND) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _us(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1_000_000)


def iso(moment: datetime | None) -> str | None:
    """A moment as JSON has it, in UTC."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def zone_of(name: str) -> tzinfo:
    """The zone of that IANA name; UTC costs no import."""
    if name in ("", "UTC"):
        return UTC
    with forks.barred():
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            return ZoneInfo(name)  # which may be in a package, and imports that
        except (ZoneInfoNotFoundError, ValueError):
            mend = "e.g. Europe/Vienna; if that is unknown, too: pip install tzdata"
            raise InputError(f"time zone {name!r} is not known", mend=mend) from None
