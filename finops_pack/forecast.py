"""What the month will have cost: from the user's own days, with an 80 % interval.

The interval is a two-level bootstrap: the history itself is resampled first, so that a short
history gives a wide interval (Efron & Tibshirani, An Introduction to the Bootstrap, ch. 8),
then the days that are left are drawn from it. With two weeks of history the days are drawn
relative to their weekday's mean.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from finops_pack.model import DayTotals
from finops_pack.money import plain, shown

MINIMUM_DAYS = 3
HISTORY_DAYS = 56
PATTERN_DAYS = 14
ROUNDS = 1000
LOW, HIGH = 0.10, 0.90
_CENT = Decimal("0.01")
_SHRINK = 0.75  # of a weekday's own mean at three or four days, after the pull to all


@dataclass(frozen=True, slots=True)
class Forecast:
    """A month's cost in USD: booked so far, expected in all, and the 80 % interval of that.

    `runs_out_on` is the day (ISO) on which the limit is expected to be reached, if it is.
    """

    month: str
    spent_usd: Decimal
    usd: Decimal
    low_usd: Decimal
    high_usd: Decimal
    days_used: int
    weekday_pattern: bool
    limit_usd: Decimal | None = None
    runs_out_on: str | None = None

    @property
    def text(self) -> str:
        """The expected cost, how sure that is, and when the money ends, in a line."""
        range_ = f"80 %: {shown(self.low_usd)} to {shown(self.high_usd)}"
        said = f"{shown(self.usd)} expected ({range_}; estimated from {self.days_used} days)"
        if self.limit_usd is None:
            return said
        limit = f"the budget of {shown(self.limit_usd)}"
        if self.spent_usd >= self.limit_usd:
            return f"{said}; {limit} is used up"
        when = "lasts" if self.runs_out_on is None else f"ends on {self.runs_out_on}"
        return f"{said}; {limit} {when}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, amounts as decimal strings; the figures are estimated."""
        return {
            "month": self.month,
            "spent_usd": plain(self.spent_usd),
            "usd": plain(self.usd),
            "low_usd": plain(self.low_usd),
            "high_usd": plain(self.high_usd),
            "interval": "80%",
            "basis": "estimated",
            "method": "two-level bootstrap of daily cost",
            "days_used": self.days_used,
            "weekday_pattern": self.weekday_pattern,
            "limit_usd": None if self.limit_usd is None else plain(self.limit_usd),
            "runs_out_on": self.runs_out_on,
        }


def month(
    days: Sequence[DayTotals],
    today: date,
    *,
    began: date | None = None,
    elapsed: float = 0.0,
    limit: Decimal | None = None,
) -> Forecast | None:
    """The forecast for the month of `today`; None with fewer than three complete days.

    A day without a row between the first and yesterday cost nothing. `began` is the day of
    first use, of which a part is missing as of today: both tell of no whole day, and count as
    spent alone. `elapsed` is the share of today (0–1) that has passed.
    """
    cost = {day.date: day.total.usd for day in days}
    history = _history(cost, today, began)
    if len(history) < MINIMUM_DAYS:
        return None
    spent = sum((u for d, u in cost.items() if d[:7] == today.isoformat()[:7]), Decimal(0))
    rest = _remaining(today)
    factors = _weekday_factors(history)
    weights = [(1 - elapsed if day == today else 1.0) * factors[day.weekday()] for day in rest]
    level = _levels(history, factors)
    sums = _draw(level, weights)
    mean = sum(level) / len(level)
    expected = spent + _usd(mean * sum(weights))
    return Forecast(
        month=today.isoformat()[:7],
        spent_usd=spent,
        usd=expected,
        low_usd=spent + _usd(sums[int(LOW * (len(sums) - 1))]),
        high_usd=spent + _usd(sums[int(HIGH * (len(sums) - 1))]),
        days_used=len(history),
        weekday_pattern=len(history) >= PATTERN_DAYS,
        limit_usd=limit,
        runs_out_on=_runs_out(spent, limit, mean, rest, weights),
    )


def _history(
    cost: Mapping[str, Decimal], today: date, began: date | None
) -> list[tuple[date, Decimal]]:
    known = [date.fromisoformat(d) for d in cost if d < today.isoformat()]
    if not known:
        return []
    first = max(min(known), today - timedelta(days=HISTORY_DAYS))
    first += timedelta(days=first == began)
    count = (today - first).days
    dates = (first + timedelta(days=i) for i in range(count))
    return [(day, cost.get(day.isoformat(), Decimal(0))) for day in dates]


def _remaining(today: date) -> list[date]:
    """Today and the days after it, to the end of its month."""
    following = (today + timedelta(days=i) for i in range(31))
    return [day for day in following if day.month == today.month]


def _weekday_factors(history: Sequence[tuple[date, Decimal]]) -> list[float]:
    """Each weekday's mean cost over the mean of all; 1 each below two weeks."""
    mean = float(sum(usd for _, usd in history)) / len(history)
    if len(history) < PATTERN_DAYS or not mean:
        return [1.0] * 7
    factors = []
    for weekday in range(7):
        own = [float(usd) for day, usd in history if day.weekday() == weekday]
        # A weekday has few days of its own: pull its mean towards the mean of all.
        shrunk = (sum(own) + mean) / (len(own) + 1)
        factors.append(shrunk / mean)
    return factors


def _levels(history: Sequence[tuple[date, Decimal]], factors: Sequence[float]) -> list[float]:
    """Each day's cost with its weekday taken out, scaled so that the mean stays the mean."""
    level = [float(usd) / factors[day.weekday()] for day, usd in history if factors[day.weekday()]]
    mean = float(sum(usd for _, usd in history)) / len(history)
    scale = mean * len(level) / sum(level) if mean else 1.0
    # What was fitted (the mean, or seven weekdays) took spread away: give it back.
    fitted = 7 * _SHRINK if len(history) >= PATTERN_DAYS else 1
    widen = (len(level) / max(1.0, len(level) - fitted - 1)) ** 0.5
    wide = [max(0.0, mean + (value * scale - mean) * widen) for value in level]
    # A day costs no less than nothing: that lifts the mean, so all of them are let down again.
    back = mean * len(wide) / sum(wide) if mean else 1.0
    return [value * back for value in wide]


def _draw(level: Sequence[float], weights: Sequence[float]) -> list[float]:
    """What the rest of the month may cost, cheapest first; of the same days always the same."""
    rng, sums = random.Random(0), []
    for _ in range(ROUNDS):
        resampled = rng.choices(level, k=len(level))
        drawn = rng.choices(resampled, k=len(weights))
        sums.append(sum(w * x for w, x in zip(weights, drawn, strict=True)))
    return sorted(sums)


def _runs_out(
    spent: Decimal,
    limit: Decimal | None,
    mean: float,
    rest: Sequence[date],
    weights: Sequence[float],
) -> str | None:
    if limit is None:
        return None
    total = float(spent)
    for day, weight in zip(rest, weights, strict=True):
        total += mean * weight
        if total >= float(limit):
            return day.isoformat()
    return None


def _usd(value: float) -> Decimal:
    return Decimal(repr(value)).quantize(_CENT)
