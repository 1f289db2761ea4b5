"""Cost per task against its baseline: how much it changed, how sure that is, and why.

The change comes with n and a bootstrap interval; it is called significant only by a one-sided
Mann–Whitney test on task costs, in the direction of the change, at p < .005 and a least amount,
which fires on at most 1 % of quiet days. The causes are Shapley values of a product of factors
(calls a task, model mix, input and output a call, cache, price), so they add up to the change
exactly; what the factors cannot say (billed differences, tiers, extra units) stands as `other`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from finops_pack.model import Call, Facts
from finops_pack.money import plain
from finops_pack.sessions import groups, task_of, trees
from finops_pack.stats import bootstrap, greater_p
from finops_pack.trend._account import Account
from finops_pack.trend._factors import factors
from finops_pack.unit_prices import UnitPrices

SIGNIFICANT_P = 0.005
MINIMUM_TASKS = 5
MINIMUM_EFFECT_USD = Decimal("0.10")  # a day's worth of tasks, not one task
CONFIDENCE = 0.90
DRAWS = 500_000  # of the bootstrap: keeps 10,000 tasks under a second or two

LABELS = {
    "calls": ("more calls a task", "fewer calls a task"),
    "mix": ("a dearer mix of models", "a cheaper mix of models"),
    "input": ("more input a call", "less input a call"),
    "output": ("longer answers", "shorter answers"),
    "cache": ("a colder cache", "a warmer cache"),
    "price": ("higher prices", "lower prices"),
    "other": ("other causes", "other causes"),
}
_DUST = Decimal("1e-15")  # what division leaves behind; far below a pico-USD a token


@dataclass(frozen=True, slots=True)
class Factor:
    """One cause: USD a task and percentage points of the change; they sum to the change."""

    name: str
    usd: Decimal
    points: float

    @property
    def cause(self) -> str:
        """`more calls a task`."""
        return LABELS[self.name][self.usd < 0]

    @property
    def text(self) -> str:
        """`15 points more calls a task`, `-8 points a warmer cache`: they add up by their signs."""
        points = f"{self.points:.0f}"
        return f"{points} point{'' if points in ('1', '-1') else 's'} {self.cause}"


@dataclass(frozen=True, slots=True)
class Trend:
    """Cost per task now against before; `change` 0.23 is +23 %, None without a baseline."""

    now_usd: Decimal
    before_usd: Decimal
    now_tasks: int
    before_tasks: int
    change: float | None
    low: float | None
    high: float | None
    p: float
    factors: tuple[Factor, ...]

    @property
    def chance(self) -> bool:
        """Whether the test does not hold, be it for want of tasks."""
        enough = min(self.now_tasks, self.before_tasks) >= MINIMUM_TASKS
        return not enough or self.p >= SIGNIFICANT_P

    @property
    def significant(self) -> bool:
        """Whether it is no chance, and worth a word."""
        change = abs(self.now_usd - self.before_usd) * self.now_tasks
        return not self.chance and change >= MINIMUM_EFFECT_USD

    @property
    def text(self) -> str:
        """`+23 % (n = 61, +9 to +38): 15 points more calls a task, 8 points a colder cache`."""
        if self.change is None:
            return f"no baseline yet (n = {self.now_tasks})"
        span = "" if self.low is None else f", {_percent(self.low)} to {_percent(self.high or 0)}"
        causes = [f.text for f in self.factors if abs(f.points) >= 1][:3]
        why = f": {', '.join(causes)}" if causes else ""
        return f"{_percent(self.change)} (n = {self.now_tasks}{span}){why}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, amounts as decimal strings."""
        return {
            "now_usd_per_task": plain(self.now_usd),
            "before_usd_per_task": plain(self.before_usd),
            "now_tasks": self.now_tasks,
            "before_tasks": self.before_tasks,
            "change": _rounded(self.change),
            "low": _rounded(self.low),
            "high": _rounded(self.high),
            "confidence": CONFIDENCE,
            "p": _rounded(self.p),
            "significant": self.significant,
            "basis": "measured",
            "factors": [
                {"name": f.name, "usd": plain(f.usd), "points": round(f.points, 2)}
                for f in self.factors
            ],
            "text": self.text,
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4) + 0.0  # not -0.0


def _percent(change: float) -> str:
    return f"{round(change, 2) + 0.0:+.0%}"


def compare(
    now: Iterable[Call], before: Iterable[Call], facts: Facts, *, alone: bool = False
) -> Trend:
    """The trend of cost per task from `before` to `now`; cached hits and order play no part.

    A task inside another is a part of that one, unless each is to stand `alone`; one that is
    silent for a day begins anew.

    A sequence may come in any order; an iterator must be in order of start, and is not held.
    Of more than 10,000 tasks the interval and the test are those of 10,000.
    """
    was, is_ = (
        Account(groups(calls, task_of) if alone else trees(calls, facts)) for calls in (before, now)
    )
    change, low, high, p = _test(was, is_)
    return Trend(
        now_usd=is_.mean_usd,
        before_usd=was.mean_usd,
        now_tasks=is_.tasks,
        before_tasks=was.tasks,
        change=change,
        low=low,
        high=high,
        p=p,
        factors=_factors(was, is_, facts) if change is not None else (),
    )


def _test(was: Account, now: Account) -> tuple[float | None, float | None, float | None, float]:
    """(change, low, high, p); the interval needs two tasks on each side."""
    if not now.tasks or not was.usd:
        return None, None, None, 1.0
    change = float(now.mean_usd / was.mean_usd - 1)
    if min(now.tasks, was.tasks) < 2:
        return change, None, None, 1.0
    a, b = now.costs(), was.costs()
    rounds = max(200, min(1000, DRAWS // (len(a) + len(b))))
    low, high = bootstrap(_ratio, a, b, confidence=CONFIDENCE, rounds=rounds)
    return change, low, high, greater_p(b, a) if change < 0 else greater_p(a, b)


def _ratio(now: Sequence[float], before: Sequence[float]) -> float:
    base = sum(before) / len(before)
    return (sum(now) / len(now)) / base - 1 if base else 0.0


def _factors(was: Account, now: Account, facts: Facts) -> tuple[Factor, ...]:
    """Largest first; what the product cannot say stands as `other`."""
    parts = factors(was, now, UnitPrices(facts))
    parts["other"] = (now.mean_usd - was.mean_usd) - sum(parts.values())
    found = [
        Factor(name, usd, float(usd / was.mean_usd * 100))
        for name, usd in parts.items()
        if abs(usd) > _DUST
    ]
    return tuple(sorted(found, key=lambda factor: -abs(factor.usd)))
