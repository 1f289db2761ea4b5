from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal

import pytest

from finops_pack import forecast
from finops_pack.model import DayTotals, Totals


def days_of(costs: list[float], first: date) -> list[DayTotals]:
    return [
        DayTotals((first + timedelta(days=i)).isoformat(), Totals(usd=Decimal(str(round(c, 6)))))
        for i, c in enumerate(costs)
    ]


def test_too_little_history_says_so() -> None:
    assert forecast.month(days_of([1.0, 1.0], date(2026, 3, 1)), date(2026, 3, 3)) is None


def test_steady_spend_is_forecast_to_the_cent() -> None:
    found = forecast.month(days_of([2.0] * 10, date(2026, 4, 1)), date(2026, 4, 11))
    assert found is not None
    assert (found.spent_usd, found.usd) == (20, 60)
    assert found.low_usd == found.high_usd == 60


def test_the_day_of_first_use_is_no_whole_day() -> None:
    first = date(2026, 4, 1)
    days = days_of([0.1, *[2.0] * 9], first)
    found = forecast.month(days, date(2026, 4, 11), began=first)
    assert found is not None
    assert (found.usd, found.low_usd, found.high_usd) == (Decimal("58.10"),) * 3
    assert found.days_used == 9
    older = forecast.month(days, date(2026, 4, 11), began=date(2025, 1, 1))
    assert older == forecast.month(days, date(2026, 4, 11))
    assert forecast.month(days[:3], date(2026, 4, 4), began=first) is None


def test_day_the_budget_ends() -> None:
    days = days_of([2.0] * 10, date(2026, 4, 1))
    found = forecast.month(days, date(2026, 4, 11), limit=Decimal(30))
    assert found is not None
    assert found.runs_out_on == "2026-04-15"
    enough = forecast.month(days, date(2026, 4, 11), limit=Decimal(100))
    assert enough is not None
    assert enough.runs_out_on is None


@pytest.mark.parametrize(
    ("limit", "ends"),
    [
        (None, "$60.00 expected (80 %: $60.00 to $60.00; estimated from 10 days)"),
        (Decimal(30), "; the budget of $30.00 ends on 2026-04-15"),
        (Decimal(100), "; the budget of $100.00 lasts"),
        (Decimal(20), "; the budget of $20.00 is used up"),
    ],
)
def test_it_is_said_in_a_line(limit: Decimal | None, ends: str) -> None:
    found = forecast.month(days_of([2.0] * 10, date(2026, 4, 1)), date(2026, 4, 11), limit=limit)
    assert found is not None
    assert found.text.endswith(ends)


def test_weekends_are_known_after_two_weeks() -> None:
    first = date(2026, 6, 1)  # a Monday
    costs = [0.0 if i % 7 >= 5 else 10.0 for i in range(28)]
    found = forecast.month(days_of(costs, first), date(2026, 6, 29))
    assert found is not None
    assert found.weekday_pattern
    assert 215 <= found.usd <= 220  # 20 weekdays, then a Monday and a Tuesday


@pytest.mark.parametrize("costs", [[0, 0, 10], [100, *[0] * 9], [1, 2, 4, 8, 16, 32]])
def test_quiet_days_do_not_lift_what_is_expected(costs: list[float]) -> None:
    today = date(2026, 6, 1)  # 30 days are left, like those before
    found = forecast.month(days_of(costs, today - timedelta(days=len(costs))), today)
    assert found is not None
    assert float(found.usd) == pytest.approx(30 * sum(costs) / len(costs), abs=0.01)
    assert found.low_usd <= found.usd <= found.high_usd


@pytest.mark.parametrize("history", [10, 20])
def test_interval_holds_four_times_in_five(history: int) -> None:
    """Small version of the proof in bench: lognormal days, CV 0.72 over 16 tasks."""
    rng = random.Random(7)
    held = 0
    rounds = 100
    for _ in range(rounds):
        month = [sum(rng.lognormvariate(-1, 0.65) for _ in range(16)) for _ in range(30)]
        today = date(2026, 4, 1) + timedelta(days=history)
        known = days_of(month[:history], date(2026, 4, 1))
        found = forecast.month(known, today)
        assert found is not None
        held += float(found.low_usd) <= sum(month) <= float(found.high_usd)
    assert 0.68 <= held / rounds <= 0.92
