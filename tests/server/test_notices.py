"""Alerts are raised once a cause and period and close with their cause."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from finops_pack.server import accounts, clock


def alerts(site, key):
    return {a["alert_type"]: a for a in site.ask(key, "GET", "/alerts").json()["alerts"]}


def budget(site, account, usd, threshold=80):
    accounts.set_budget(site.db, account.id, Decimal(usd), threshold, "Acme AI")


def warned(site):
    """A key of an account that has used 85 of its 100 dollars, and the alert of it."""
    account = site.account()
    budget(site, account, 100)
    key = site.key(account)
    site.report(key, total_cost=85)
    return key, alerts(site, key)["budget_warning"]


def test_one_alert_for_many_reports_of_one_cause(site):
    key, first = warned(site)
    site.report(key, "2026-02-27", total_cost=5)
    second = alerts(site, key)
    assert list(second) == ["budget_warning"]
    assert second["budget_warning"]["id"] == first["id"]
    assert second["budget_warning"]["created_at"] == first["created_at"]
    assert second["budget_warning"]["message"] == "You have used $90 of your $100 monthly budget."


def test_it_closes_with_its_cause_and_comes_back_as_itself(site):
    key, first = warned(site)
    site.report(key, total_cost=10)
    assert alerts(site, key) == {}
    site.report(key, total_cost=85)
    assert alerts(site, key)["budget_warning"]["id"] == first["id"]
    held = site.db.read("SELECT closed_at FROM alert")
    assert [row["closed_at"] for row in held] == [None]


def test_its_moment_is_that_of_the_newest_report_not_of_the_look(site, monkeypatch):
    account = site.account()
    budget(site, account, 100)
    key = site.key(account)

    def at(hour):
        monkeypatch.setattr(clock, "now", lambda: datetime(2026, 2, 28, hour, tzinfo=UTC))

    at(8)
    site.report(key, "2026-02-20", total_cost=85, metadata={"reporter": "laptop"})
    at(11)
    site.report(key, total_cost=1, metadata={"coverage": {"unpriced_models": ["my-llama"]}})
    at(14)
    moments = {name: alert["created_at"][11:13] for name, alert in alerts(site, key).items()}
    assert moments == {"budget_warning": "11", "unpriced_models": "11", "report_missing": "14"}
    at(17)
    site.ask(key, "PUT", "/budget", json={"monthly_budget": 10})
    at(20)
    assert alerts(site, key)["budget_exceeded"]["created_at"][11:13] == "17"


def test_a_new_month_is_a_new_period(site, monkeypatch):
    key, february = warned(site)
    monkeypatch.setattr(clock, "today", lambda: date(2026, 3, 1))
    assert "budget_warning" not in alerts(site, key)
    site.report(key, "2026-03-01", total_cost=90)
    assert alerts(site, key)["budget_warning"]["id"] != february["id"]


def test_exceeded_takes_the_place_of_the_warning(site):
    account = site.account()
    budget(site, account, 100)
    key = site.key(account)
    site.report(key, total_cost=120)
    assert {name: a["severity"] for name, a in alerts(site, key).items()} == {
        "budget_exceeded": "critical"
    }


def test_a_silent_reporter_is_missed_until_it_speaks(site):
    key = site.key(site.account())
    site.report(key, "2026-02-20", metadata={"reporter": "laptop"})
    site.report(key, "2026-02-28", metadata={"reporter": "server"})
    missed = alerts(site, key)["report_missing"]
    assert "laptop" in missed["message"]
    site.report(key, "2026-02-27", metadata={"reporter": "laptop"})
    assert alerts(site, key) == {}


def test_a_high_write_share_opens_a_recommendation_that_closes_by_itself(site):
    key = site.key(site.account())

    def opened(share):
        site.report(key, metadata={"cache": {"write_share_usd": share}})
        return site.ask(key, "GET", "/dashboard").json()["recommendations"]

    (found,) = opened(0.5)
    assert set(found) == {
        "id", "lever", "title", "message", "estimated_saving_usd", "basis", "effort",
    }  # fmt: skip
    assert (found["lever"], found["basis"]) == ("cache", "estimated")
    assert found["estimated_saving_usd"] > 0
    assert "cache_write_share" in alerts(site, key)
    assert opened(0.3) == []
    assert alerts(site, key) == {}


def test_models_without_a_price_are_named(site):
    key = site.key(site.account())
    site.report(key, metadata={"coverage": {"unpriced_models": ["my-llama"]}})
    assert "my-llama" in alerts(site, key)["unpriced_models"]["message"]


def test_any_metadata_is_survived(site):
    key = site.key(site.account())
    for metadata in (
        {"cache": "warm"},
        {"cache": {"write_share_usd": "0.5", "hit_rate": -1, "cold_by_cause": 3}},
        {"coverage": {"unpriced_models": "x", "priced_requests": 1e30}},
        {"coverage": [], "reporter": {"a": 1}},
    ):
        site.report(key, metadata=metadata)
        assert site.ask(key, "GET", "/dashboard").status_code == 200


def test_a_reporter_that_is_long_gone_is_not_missed(site):
    key = site.key(site.account())
    site.report(key, "2025-12-01", metadata={"reporter": "an old laptop"})
    assert alerts(site, key) == {}


def test_a_cause_of_any_length_is_kept(site):
    key = site.key(site.account())
    name = "m" * 10_000
    site.report(key, metadata={"coverage": {"unpriced_models": [name]}})
    first = alerts(site, key)["unpriced_models"]
    assert alerts(site, key)["unpriced_models"]["id"] == first["id"]


def test_all_who_ask_see_the_same_alerts(site):
    key = site.key(site.account())
    site.report(key, "2026-02-28", efficiency_score=30)
    for day in ("2025-12-05", "2025-12-06", "2025-12-20", "2026-01-10", "2026-02-01", "2026-02-20"):
        site.report(key, day, efficiency_score=90)
    paths = ("/alerts", "/dashboard", "/dashboard?period=90d")
    seen = [site.ask(key, "GET", path).json()["alerts"] for path in paths]
    assert seen[0] == seen[1] == seen[2]
    assert site.db.read("SELECT * FROM alert WHERE closed_at IS NOT NULL") == []
