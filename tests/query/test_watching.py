"""Alerts of a ledger: what is in force, and whether the reports still arrive."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from finops_pack import config, query
from finops_pack.ledger import Ledger, open_ledger


def at(days_ago: int) -> datetime:
    return datetime.now(UTC) - timedelta(days=days_ago)


def date_of(days_ago: int) -> str:
    return at(days_ago).date().isoformat()


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """One cheap call a day for ten days, today's too."""
    made = open_ledger(config.load().ledger)
    row = {"type": "call", "model": "gpt-4o", "cost_pico": 10**9, "cost_state": "priced",
           "billing_mode": "metered"}  # fmt: skip
    starts = [int(at(ago).timestamp() * 1e6) for ago in range(10)]
    made.book([{**row, "id": str(start), "start_us": start} for start in starts])
    yield made
    made.close()


def sent(ledger: Ledger, url: str, days_ago: int) -> None:
    day = date_of(days_ago)
    at_night = (at(days_ago) + timedelta(days=1)).timestamp()
    body = {"url": url, "date": day, "state": "sent", "sent_hash": "abc", "sent_at": at_night}
    ledger.put("outbox", f"{url} {day}", body)


def told() -> list[tuple[str, str]]:
    with query.open() as reader:
        return [(alert.alert_type, alert.period) for alert in reader.alerts()]


def test_reports_that_no_longer_arrive_are_missed(ledger: Ledger) -> None:
    here = "https://connected.example"  # stands beside its key, in no setting
    assert told() == [], "nobody has asked for reports yet"
    sent(ledger, "https://before.example", 9)
    sent(ledger, here, 8)
    sent(ledger, here, 7)
    assert told() == [("report_missing", date_of(7))]
    sent(ledger, here, 1)
    assert told() == []


def test_reports_are_missed_at_the_server_that_was_told_last(ledger: Ledger) -> None:
    sent(ledger, "https://before.example", 8)
    sent(ledger, "https://now.example", 7)
    with query.open() as reader:
        [alert] = reader.alerts()
    assert "https://now.example" in alert.message
    sent(ledger, "https://now.example", 1)
    assert told() == [], "the one that was left behind is not missed"


def test_a_report_of_the_day_before_yesterday_is_not_late(ledger: Ledger) -> None:
    sent(ledger, config.load().api_url, 2)
    assert told() == []


def test_the_worst_stands_first(ledger: Ledger) -> None:
    for spec, window in (("0.002", "week"), ("0.0011", "day")):
        body = {"limit_usd": spec, "window": window, "hard": False}
        ledger.put("budget", f"{window}:everything", body)
    ledger.put("budget", "24h:everything", {"limit_usd": "0.0001", "window": "24h"})
    severities = [kind for kind, _ in told()]
    assert severities[0] == "budget_exceeded"
    assert severities == sorted(severities, key=["budget_exceeded", "budget_warning"].index)


def test_cache_writes_that_are_most_of_the_money_are_told(ledger: Ledger) -> None:
    row = {"type": "call", "model": "claude-sonnet-4-5", "provider": "anthropic",
           "input_tokens": 9000, "cache_write_5m_tokens": 8000, "output_tokens": 10,
           "cost_pico": 33_150_000_000, "cost_state": "priced"}  # fmt: skip
    starts = [int(at(ago).timestamp() * 1e6) for ago in range(3)]
    ledger.book([{**row, "id": f"w{start}", "start_us": start} for start in starts])
    with query.open() as reader:
        shares = reader.write_shares(query.Period.of("7d", zone=reader.zone))
        said = [alert.message for alert in reader.alerts()]
    written = 8000 * 3.75e-6 / 0.03315  # of the calls with tokens; on the other days none
    assert [float(shares[date_of(ago)]) for ago in range(4)] == pytest.approx([written] * 3 + [0])
    assert len(said) == 1
    assert said[0].startswith("Cache writes were 87.")


def test_the_day_of_the_first_call_is_no_day_of_the_forecast(ledger: Ledger) -> None:
    with query.open() as reader:
        found = reader.forecast()
    assert found is not None
    assert found.days_used == 8  # of ten: the first and today are cut off


def test_a_score_that_dropped_is_told_as_the_server_tells_it(ledger: Ledger) -> None:
    row = {"type": "call", "model": "gpt-4o", "provider": "openai", "input_tokens": 1000,
           "output_tokens": 100, "cost_pico": 10**10, "cost_state": "priced"}  # fmt: skip
    starts = [(ago, n) for ago in range(1, 9) for n in range(30)]

    def book(ago: int, n: int, **fields: str) -> None:
        start = int(at(ago).timestamp() * 1e6) - n
        ledger.book([{**row, "id": f"s{ago}/{n}", "session": f"{ago}", "start_us": start} | fields])

    for ago, n in starts:
        book(ago, n)
    assert told() == []
    for n in range(0, 30, 2):
        book(1, n, verifier="schema")
    assert told() == [("efficiency_drop", "{}-W{:02}".format(*at(1).isocalendar()[:2]))]
