"""The screen of an account: what its reports say of the month."""

from __future__ import annotations

import pytest

from finops_pack.server import clock, overview
from finops_pack.server.screen import series
from tests.server.test_pages import sign_in


@pytest.mark.parametrize("sent_today", [None, 5])
def test_a_day_that_is_not_whole_makes_no_day_of_the_forecast(site, monkeypatch, sent_today):
    monkeypatch.setattr(clock, "elapsed", lambda: 0.5)
    account = site.account()
    key = site.key(account)
    site.report(key, "2026-02-21", total_cost=1)  # begun late in the day
    for day in range(22, 28):
        site.report(key, f"2026-02-{day}", total_cost=10)
    if sent_today is not None:
        site.report(key, "2026-02-28", total_cost=sent_today)  # at noon
    found = overview.of_account(site.db, account, "7d").forecast
    assert (found.usd, found.low_usd, found.days_used) == (71, 71, 6)


def test_a_hit_rate_of_days_is_that_of_all_their_tokens(site):
    account = site.account()
    key = site.key(account)
    for day, cost, tokens, rate in ((27, 9, 1_000, 0.8), (28, 1, 9_000, 0.4)):
        cache = {"hit_rate": rate, "write_share_usd": rate}
        site.report(key, f"2026-02-{day}", total_cost=cost, total_tokens=tokens,
                    metadata={"cache": cache})  # fmt: skip
    cache = overview.of_account(site.db, account, "7d").cache
    assert (float(cache.hit_rate), float(cache.write_share_usd)) == (0.44, 0.76)


def test_what_one_reporter_tells_is_not_said_of_anothers_money(site):
    account = site.account()
    key = site.key(account)
    told = {"coverage": {"priced_requests": 9, "estimated_requests": 3},
            "cache": {"write_share_usd": 0.5, "hit_rate": 0.9}}  # fmt: skip
    ours = {"total_cost": 1, "total_requests": 10, "total_tokens": 1_000}
    site.report(key, "2026-02-27", **ours, metadata={"reporter": "pack", **told})
    site.report(key, "2026-02-27", total_cost=99, total_requests=300)  # by curl
    told["cache"] = {"write_share_usd": 0.1, "hit_rate": 0.1}
    site.report(key, "2026-02-28", **ours, metadata={"reporter": "pack", **told})
    screen = overview.of_account(site.db, account, "7d")
    assert (screen.coverage.priced, screen.coverage.requests) == (18, 20)
    assert (float(screen.cache.write_share_usd), float(screen.cache.hit_rate)) == (0.3, 0.5)
    assert screen.levers == []
    told["cache"] = {"write_share_usd": 0.5}
    site.report(key, "2026-02-28", **ours, metadata={"reporter": "pack", **told})
    [lever] = overview.of_account(site.db, account, "7d").levers
    assert float(lever["estimated_saving_usd"]) == 8.571429  # of $2 in 2 days, not of $101


def test_money_that_no_breakdown_names_is_no_part_of_what_is_named(site):
    account = site.account()
    key = site.key(account)
    site.report(key, total_cost=1, cost_by_model={"gpt-4o": 0.999},
                metadata={"reporter": "pack"})  # fmt: skip
    screen = overview.of_account(site.db, account, "7d")
    assert [share.name for share in screen.models] == ["gpt-4o"]  # its parts were rounded
    site.report(key, total_cost=99)
    screen = overview.of_account(site.db, account, "7d")
    shares = [(share.name, float(share.usd), float(share.part)) for share in screen.models]
    assert shares == [("(not set)", 99.001, 0.99001), ("gpt-4o", 0.999, 0.00999)]
    assert series(screen.bars, "action") == {"(not set)": [100.0]}


def test_a_score_that_is_not_whole_does_not_read_100(site):
    site.report(site.key(site.account()), "2026-02-28", total_cost=10, efficiency_score=99.7)
    page = sign_in(site.client).text
    assert page.count("&gt;99<") == 2, "the figure, and the table of days"
    assert "&gt;99% of the money" in page
