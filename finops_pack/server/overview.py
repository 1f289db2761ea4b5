"""The screen of an account, from its reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from finops_pack import forecast
from finops_pack.model import DayTotals
from finops_pack.server import clock, figures, notices, reports
from finops_pack.server.accounts import Account
from finops_pack.server.figures import Day
from finops_pack.server.screen import (
    NOT_SET,
    PERIODS,
    Bar,
    Budget,
    Cache,
    Coverage,
    Screen,
    UnitCost,
    shares,
)
from finops_pack.server.stores import Database


def of_account(db: Database, account: Account, period: str) -> Screen:
    """What this account's reports say of the period that ends today."""
    end, count = reports.span_end(db, account.id), PERIODS[period]
    start = end - timedelta(days=count - 1)
    first = min(end - timedelta(days=2 * count), notices.look_back())
    days = figures.days(reports.load(db, account.id, first, end))
    shown = [day for day in days if day.date >= start.isoformat()]
    earlier = (start - timedelta(days=count)).isoformat()
    before = [day for day in days if earlier <= day.date < start.isoformat()]
    totals, today = [day.totals() for day in days], clock.today()
    month = _cost([day for day in days if day.date[:7] == today.isoformat()[:7]])
    limit = account.monthly_budget
    return Screen(
        period=period,
        start=start.isoformat(),
        end=end.isoformat(),
        today=today.isoformat(),
        bars=[_bar(day) for day in shown],
        total=_cost(shown),
        month=month,
        unit=_unit(shown, before),
        waste=shares((day.waste for day in shown), "estimated"),
        score=figures.hundredth(figures.weighed([(day.score, day.cost) for day in shown])),
        coverage=_coverage(shown),
        cache=_cache(shown),
        budget=Budget(month, limit, account.alert_threshold_pct) if limit else None,
        forecast=_forecast(db, account, totals, today),
        levers=notices.recommendations(totals, today),
        alerts=notices.remembered(db, account, totals),
        reporters=reports.reporters(db, account.id, start),
    )


def _forecast(
    db: Database, account: Account, days: Sequence[DayTotals], today: date
) -> forecast.Forecast | None:
    """Of today nothing is known until its report is in; one that is in tells of it so far."""
    reported = any(day.date == today.isoformat() for day in days)
    return forecast.month(
        days,
        today,
        began=reports.began(db, account.id),
        elapsed=clock.elapsed() if reported else 0.0,
        limit=account.monthly_budget,
    )


def _cost(days: Sequence[Day]) -> Decimal:
    return sum((day.cost for day in days), Decimal(0))


def _bar(day: Day) -> Bar:
    return Bar(
        date=day.date,
        usd=day.cost,
        waste_usd=sum(day.waste.values(), Decimal(0)),
        by_model=_whole(day.by_model, day.cost),
        by_action=_whole(day.by_action, day.cost),
        write_share=day.write_share,
        score=day.score,
    )


def _whole(parts: Mapping[str, Decimal], usd: Decimal) -> Mapping[str, Decimal]:
    """The parts of a day, and what its reports put to none of them; less than 1 % is rounding."""
    rest = usd - sum(parts.values(), Decimal(0))
    if rest <= 0 or rest * 100 < usd:
        return parts
    return {**parts, NOT_SET: parts.get(NOT_SET, Decimal(0)) + rest}


def _unit(now: Sequence[Day], before: Sequence[Day]) -> UnitCost | None:
    """Cost of one request: a report knows no tasks."""
    count = sum(day.requests for day in now)
    if not count:
        return None
    usd, usual = _cost(now) / count, None
    if earlier := sum(day.requests for day in before):
        usual = _cost(before) / earlier
    return UnitCost("request", usd, count, (usd - usual) / usual if usual else None)


def _coverage(days: Sequence[Day]) -> Coverage:
    told = [day for day in days if "priced_requests" in day.coverage]
    sums: Counter[str] = Counter()
    for day in told:
        sums.update(day.coverage)
    requests = sum(day.covered for day in told)
    names = {name for day in days for name in day.unpriced_models}
    return Coverage(
        requests=requests,
        priced=min(sums["priced_requests"], requests) if told else None,
        estimated=min(sums["estimated_requests"], requests) if told else None,
        unpriced_models=tuple(sorted(names)),
    )


def _cache(days: Sequence[Day]) -> Cache:
    cold: Counter[str] = Counter()
    for day in days:
        cold.update(day.cold_calls)
    found = figures.cache_shares(day.cache for day in days)
    shares = {name: share for name, (share, _) in found.items()}
    return Cache(**shares, cold_calls=dict(cold.most_common()))
