"""The screen of an account: what its reports say of the month."""

from __future__ import annotations

import pytest

from finops_pack.server import clock, overview


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
