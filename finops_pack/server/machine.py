"""The screen of this machine's ledger, from the one read API."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from finops_pack.model import DayTotals
from finops_pack.query import BudgetLine, BudgetView, Period, Reader
from finops_pack.query.watching import warning_pct
from finops_pack.server.screen import (
    PERIODS,
    Bar,
    Budget,
    Cache,
    Coverage,
    Limit,
    Screen,
    Share,
    UnitCost,
)

KEPT_SECONDS = 60.0


class Screens:
    """The screens made last: an analysis of many calls is not made anew for every tab."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[Any, float, Screen]] = {}
        self.alerts = 0  # in force when a screen was made last

    def of_ledger(self, reader: Reader, name: str) -> Screen:
        """The screen of a period; made anew when the figures moved, and each minute."""
        period = Period.of(name, zone=reader.zone)
        seen = (period, reader.spend("model", period).rows, reader.budget())
        before, at, screen = self._made.get(name, (None, 0.0, None))
        if screen is None or before != seen or time.monotonic() - at > KEPT_SECONDS:
            screen = of_ledger(reader, name)
            self._made[name] = (seen, time.monotonic(), screen)
            self.alerts = len(screen.alerts)
        return screen


def nothing(reader: Reader, period: Period, command: str) -> str:
    """Why a page is empty; its flags are those of a command, since a page has none."""
    return reader.nothing(period).replace("--", f"{command} --")


def of_ledger(reader: Reader, name: str) -> Screen:
    """What the ledger says of the period (`7d`, `30d`, `90d`) that ends today."""
    period = Period.of(name, zone=reader.zone)
    today = datetime.now(reader.zone).date()
    days, waste, score = reader.days(period), reader.waste(period), reader.score(period)
    writes = reader.write_shares(period)
    money, spend = reader.budget(), reader.spend("model", period)
    return Screen(
        period=name,
        start=(today - timedelta(days=PERIODS[name] - 1)).isoformat(),
        end=today.isoformat(),
        today=today.isoformat(),
        bars=[
            _bar(day, waste.days.get(day.date, Decimal(0)), writes.get(day.date)) for day in days
        ],
        total=spend.total.usd,
        month=money.month_usd,
        unit=_unit(reader, period),
        waste=_waste(waste.categories),
        score=_exact(score.score),
        score_reason=score.reason,
        coverage=Coverage(
            requests=spend.total.requests,
            priced=spend.total.requests - spend.total.unpriced_calls - spend.total.partial_calls,
            estimated=spend.total.estimated_calls,
            unpriced_models=tuple(r.key or "(none)" for r in spend.rows if r.without_rate),
        ),
        cache=_cache(reader, period),
        budget=_monthly(money),
        limits=[_limit(line) for line in money.lines],
        forecast=reader.forecast(),
        levers=[_lever(lever) for lever in reader.levers(period)],
        alerts=[{**alert.to_dict(), "created_at": None} for alert in reader.alerts()],
        pending=reader.pending_calls,
        note=nothing(reader, period, "finops spend"),
        unpriced_actions=_unpriced(reader, period),
        plans=money.subscription_usd,
    )


def _bar(day: DayTotals, wasted: Decimal, write_share: Decimal | None) -> Bar:
    return Bar(
        day.date,
        day.total.usd,
        min(wasted, day.total.usd),
        day.by_model,
        day.by_action,
        write_share,
        _exact(day.score),
    )


def _unit(reader: Reader, period: Period) -> UnitCost | None:
    trend = reader.trend(period)
    if not trend.now_tasks:
        return None
    causes = [factor.text for factor in trend.factors if abs(factor.points) >= 1]
    return UnitCost(
        "task",
        trend.now_usd,
        trend.now_tasks,
        _exact(trend.change),
        tuple(causes[:2]),
        _exact(trend.low),
        _exact(trend.high),
        chance=trend.chance,
    )


def _waste(categories: Mapping[str, Any]) -> list[Share]:
    whole = sum((part.usd for part in categories.values()), Decimal(0))
    ordered = sorted(categories.items(), key=lambda item: -item[1].usd)
    return [Share(name, part.usd, part.usd / whole, part.basis) for name, part in ordered if whole]


def _cache(reader: Reader, period: Period) -> Cache:
    found = reader.cache(period)
    shares = {
        "hit_rate": found.hit,
        "attainable": found.attainable,
        "write_share_usd": found.writes.usd_share,
        "write_share_tokens": found.writes.token_share,
    }
    cold = {cause: count for cause, (count, _) in found.cold_by_cause.items()}
    return Cache(cold_calls=cold, **{name: _exact(share) for name, share in shares.items()})


def _exact(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _monthly(money: BudgetView) -> Budget | None:
    limits = [b.limit_usd for b in money.lines if (b.window, b.scope) == ("month", "everything")]
    return Budget(money.month_usd, min(limits), warning_pct()) if limits else None


def _unpriced(reader: Reader, period: Period) -> set[str]:
    """Actions of which nothing is known: a zero would say that they cost nothing."""
    rows = reader.spend("action", period).rows
    return {row.key or "(not set)" for row in rows if row.calls == row.unpriced_calls}


def _limit(line: BudgetLine) -> Limit:
    each = "" if line.clocked else line.window
    return Limit(line.spec, line.spent_usd + line.reserved_usd, line.limit_usd, each)


def _lever(lever: Any) -> dict[str, Any]:
    return {**lever.to_dict(), "estimated_saving_usd": lever.estimated_saving_usd}
