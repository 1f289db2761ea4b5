from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops_pack.errors import InputError
from finops_pack.query.period import Period, zone_of

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
VIENNA = ZoneInfo("Europe/Vienna")


def test_days_are_calendar_days_including_today() -> None:
    assert Period.of("1d", now=NOW).since == datetime(2026, 11, 24, tzinfo=UTC)
    assert Period.of("7d", now=NOW).since == datetime(2026, 11, 18, tzinfo=UTC)
    assert Period.of("1d", zone=VIENNA, now=NOW).to_dict()["since"] == "2026-11-23T23:00:00Z"


def test_hours_roll() -> None:
    assert Period.of("12h", now=NOW).since == NOW - timedelta(hours=12)


def test_since_is_inclusive_until_exclusive() -> None:
    period = Period.of(since="2026-11-01", until="2026-11-08")
    assert period.to_dict() == {"since": "2026-11-01T00:00:00Z", "until": "2026-11-08T00:00:00Z"}
    where = period.where(project="p")
    assert where.until_us is not None
    assert where.since_us is not None
    assert where.until_us - where.since_us == 7 * 86_400_000_000
    assert where.project == "p"


def test_the_period_before_is_as_long_and_touches() -> None:
    period = Period.of(since="2026-11-08", until="2026-11-15")
    before = period.before()
    assert (before.since, before.until) == (datetime(2026, 11, 1, tzinfo=UTC), period.since)


def test_one_day_in_a_zone_whose_clocks_change() -> None:
    day = Period.day("2026-10-25", "Europe/Vienna")
    assert day.to_dict() == {"since": "2026-10-24T22:00:00Z", "until": "2026-10-25T23:00:00Z"}


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"last": "7"}, "--last '7'"),
        ({"last": "0d"}, "--last '0d'"),
        ({"since": "yesterday"}, "--since 'yesterday'"),
        ({"since": "2026-11-08", "until": "2026-11-01"}, "is not before"),
        ({"last": "7d", "since": "2026-11-01"}, "goes without"),
    ],
)
def test_mistakes_say_what_to_write(args: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        Period.of(**args)
    assert caught.value.mend


@given(st.text(max_size=12), st.sampled_from(["last", "since", "until"]))
def test_any_text_is_a_period_or_a_clear_error(text: str, flag: str) -> None:
    try:
        period = Period.of(**{flag: text}, now=NOW)
    except InputError:
        return
    period.where()
    period.to_dict()


def test_unknown_zone() -> None:
    with pytest.raises(InputError, match="Mars/Olympus"):
        zone_of("Mars/Olympus")


def test_nothing_was_before_the_year_one() -> None:
    first = Period.of(since="0001-01-01", until="2026-01-01")
    assert first.before() == Period(None, first.since, f"{first.days:.0f} days before")
