"""False alarms, power and the forecast's interval, resampled from the costs of real tasks.

A year of simulated days is drawn from the measured task costs, with fewer tasks at weekends and
never quite as many as the day before; incidents are put into known days. What must hold: alerts
fire falsely on at most 1 % of days; +50 % at 50 tasks a day, one task above 5 × p95 and twice
the tasks at the usual cost are found within a day, the 80 % interval holds 75–85 % of months, and
the trend finds +23 % at 90 tasks with at least 80 % power.
"""

from __future__ import annotations

import csv
import random
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from finops_pack import alerts, forecast
from finops_pack.model import DayTotals, Totals
from finops_pack.stats import greater_p, quantile

COSTS = Path(__file__).parent.parent.parent / "shared" / "data" / "miniswe_tasks_dev.csv"
FIRST = date(2026, 1, 1)


def real_costs() -> list[float]:
    """USD of each real task; without the data, lognormal with its measured CV of 0.72."""
    if not COSTS.is_file():
        print("the real task costs are not at hand: lognormal, CV 0.72")
        rng = random.Random(0)
        return [rng.lognormvariate(-0.99, 0.65) for _ in range(239)]
    with COSTS.open() as file:
        rows = list(csv.DictReader(file))
    column = next(name for name in rows[0] if "cost" in name or "usd" in name)
    return [float(row[column]) for row in rows if float(row[column] or 0) > 0]


def year(rng: random.Random, costs: list[float], per_day: int) -> list[list[float]]:
    """Each day's task costs: about so many on weekdays, a third of them at weekends."""
    days = []
    for number in range(365):
        weekday = (FIRST + timedelta(days=number)).weekday()
        mean = per_day if weekday < 5 else per_day / 3
        days.append(rng.choices(costs, k=max(1, round(rng.gauss(mean, mean**0.5)))))
    return days


def told(days: list[list[float]], today: int) -> list[alerts.Alert]:
    """Alerts on the morning of day `today`, from the 30 days before it."""
    tasks = [
        alerts.TaskCost((FIRST + timedelta(days=d)).isoformat(), f"{d}-{i}", Decimal(str(c)))
        for d in range(max(0, today - 30), today)
        for i, c in enumerate(days[d])
    ]
    totals = [
        DayTotals((FIRST + timedelta(days=d)).isoformat(), Totals(usd=Decimal(str(sum(days[d])))))
        for d in range(max(0, today - 30), today)
    ]
    now = FIRST + timedelta(days=today)
    return alerts.from_days(totals, today=now, tasks=tasks)


def false_alarms(costs: list[float], per_day: int) -> tuple[int, int]:
    """(mornings with an alert, mornings) over three years without any incident."""
    alarms, mornings = 0, range(30, 365)
    for seed in range(3):
        days = year(random.Random(seed), costs, per_day)
        alarms += sum(1 for today in mornings if told(days, today))
    return alarms, 3 * len(mornings)


def incidents(costs: list[float], kind: str) -> tuple[int, int]:
    """(incidents told of on the next morning, incidents), each on a weekday of its own year."""
    rng = random.Random(2)
    p95 = quantile(costs, 0.95)
    found = 0
    for place in range(20):
        days = year(rng, costs, 50)
        today = 60 + place * 14
        if kind == "+50 % at 50 tasks":
            days[today] = [c * 1.5 for c in rng.choices(costs, k=50)]
        elif kind == "one task > 5 x p95":
            days[today].append(p95 * 5.5)
        else:
            days[today] = rng.choices(costs, k=110)
        found += bool(told(days, today + 1))
    return found, 20


def interval(costs: list[float]) -> tuple[int, int]:
    rng = random.Random(3)
    held = total = 0
    for _ in range(400):
        month = [sum(rng.choices(costs, k=16)) for _ in range(30)]
        history = rng.randint(7, 25)
        days = [
            DayTotals((FIRST + timedelta(days=d)).isoformat(), Totals(usd=Decimal(str(c))))
            for d, c in enumerate(month[:history])
        ]
        rest = 31 - history
        truth = sum(month[:history]) + sum(sum(rng.choices(costs, k=16)) for _ in range(rest))
        found = forecast.month(days, FIRST + timedelta(days=history))
        assert found is not None
        total += 1
        held += float(found.low_usd) <= truth <= float(found.high_usd)
    return held, total


def power(costs: list[float], tasks: int, rise: float, rounds: int = 400) -> float:
    rng = random.Random(4)
    hits = 0
    for _ in range(rounds):
        now = [c * (1 + rise) for c in rng.choices(costs, k=tasks)]
        hits += greater_p(now, rng.choices(costs, k=28 * 50)) < alerts.SIGNIFICANT_P
    return hits / rounds


def main() -> None:
    costs = real_costs()
    print(f"{len(costs)} real task costs, mean ${sum(costs) / len(costs):.3f}")
    for per_day in (5, 16, 50):
        alarms, mornings = false_alarms(costs, per_day)
        share = alarms / mornings
        print(f"false alarms at {per_day:>3} tasks a day: {alarms}/{mornings} days = {share:.1%}")
    for kind in ("+50 % at 50 tasks", "one task > 5 x p95", "twice the tasks"):
        found, total = incidents(costs, kind)
        print(f"found within a day, {kind:<18}: {found}/{total}")
    held, total = interval(costs)
    print(f"80 % interval of the month held: {held}/{total} = {held / total:.0%}")
    for tasks in (61, 90):
        print(f"trend: power to find +23 % at {tasks} tasks: {power(costs, tasks, 0.23):.0%}")


if __name__ == "__main__":
    main()
