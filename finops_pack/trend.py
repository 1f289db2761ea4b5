"""Cost per task against its baseline: how much it changed, how sure that is, and why.

The change comes with n and a bootstrap interval; it is called significant only by a one-sided
Mann–Whitney test on task costs at p < .005 and a least amount, which fires on at most 1 % of
quiet days. The causes are Shapley values of a product of factors (calls a task, model mix,
input and output a call, cache, price), so they add up to the change exactly; what the factors
cannot say (billed differences, tiers, extra units) stands as `other`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from math import factorial
from typing import Any

from finops_pack.model import Call, Facts
from finops_pack.money import plain
from finops_pack.stats import bootstrap, greater_p
from finops_pack.unit_prices import KINDS, UnitPrices

SIGNIFICANT_P = 0.005
MINIMUM_TASKS = 5
MINIMUM_EFFECT_USD = Decimal("0.10")  # a day's worth of tasks, not one task
CONFIDENCE = 0.90
DRAWS = 500_000  # of the bootstrap: keeps 10,000 tasks under a second or two

FACTORS = ("calls", "mix", "input", "output", "cache", "price")
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
        """`15 points more calls a task`."""
        return f"{abs(self.points):.0f} points {self.cause}"


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
    significant: bool
    factors: tuple[Factor, ...]

    @property
    def text(self) -> str:
        """`+23 % (n = 61, +9 to +38): 15 points more calls a task, 8 points a colder cache`."""
        if self.change is None:
            return f"no baseline yet (n = {self.now_tasks})"
        span = "" if self.low is None else f", {self.low:+.0%} to {self.high:+.0%}"
        causes = [f.text for f in self.factors if abs(f.points) >= 1][:3]
        why = f": {', '.join(causes)}" if causes else ""
        return f"{self.change:+.0%} (n = {self.now_tasks}{span}){why}"

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
    return None if value is None else round(value, 4)


def compare(now: Iterable[Call], before: Iterable[Call], facts: Facts) -> Trend:
    """The trend of cost per task from `before` to `now`; cached hits and order play no part."""
    now, before = _paid(now), _paid(before)
    costs_now, costs_before = task_costs(now), task_costs(before)
    mean_now, mean_before = _mean(costs_now), _mean(costs_before)
    change, low, high, p = _test(costs_now, costs_before)
    excess = (mean_now - mean_before) * len(costs_now)
    enough = min(len(costs_now), len(costs_before)) >= MINIMUM_TASKS
    return Trend(
        now_usd=mean_now,
        before_usd=mean_before,
        now_tasks=len(costs_now),
        before_tasks=len(costs_before),
        change=change,
        low=low,
        high=high,
        p=p,
        significant=enough and p < SIGNIFICANT_P and excess >= MINIMUM_EFFECT_USD,
        factors=_factors(now, before, facts, mean_now, mean_before) if change is not None else (),
    )


def _paid(calls: Iterable[Call]) -> list[Call]:
    return [call for call in calls if call.reached_provider and not call.unpriced]


def task_costs(calls: Iterable[Call]) -> list[Decimal]:
    """USD of each task; a call without a task is one of its own."""
    costs: dict[str, Decimal] = {}
    for call in calls:
        key = call.task or call.id
        costs[key] = costs.get(key, Decimal(0)) + call.amount_usd
    return list(costs.values())


def _mean(costs: Sequence[Decimal]) -> Decimal:
    return sum(costs, Decimal(0)) / len(costs) if costs else Decimal(0)


def _test(
    now: Sequence[Decimal], before: Sequence[Decimal]
) -> tuple[float | None, float | None, float | None, float]:
    """(change, low, high, p); the interval needs two tasks on each side."""
    if not now or not any(before):
        return None, None, None, 1.0
    a, b = [float(usd) for usd in now], [float(usd) for usd in before]
    change = _ratio(a, b)
    if min(len(a), len(b)) < 2:
        return change, None, None, 1.0
    rounds = max(200, min(1000, DRAWS // (len(a) + len(b))))
    low, high = bootstrap(_ratio, a, b, confidence=CONFIDENCE, rounds=rounds)
    return change, low, high, greater_p(a, b)


def _ratio(now: Sequence[float], before: Sequence[float]) -> float:
    base = sum(before) / len(before)
    return (sum(now) / len(now)) / base - 1 if base else 0.0


# --- why: the product of factors ---------------------------------------------------------------


@dataclass(frozen=True)
class _Side:
    """One period as factors: calls a task, and by model its share, tokens, mix and prices."""

    calls: Decimal
    share: Mapping[str, Decimal]
    input: Mapping[str, Decimal]
    output: Mapping[str, Decimal]
    cache: Mapping[str, Mapping[str, Decimal]]  # kind -> share of input tokens
    price: Mapping[str, Mapping[str, Decimal]]  # kind -> USD a token


def _factors(
    now: Sequence[Call], before: Sequence[Call], facts: Facts, mean_now: Decimal, mean_was: Decimal
) -> tuple[Factor, ...]:
    prices = UnitPrices(facts)
    sides = (_side(before, prices), _side(now, prices))
    values = {
        chosen: _value(sides, frozenset(chosen))
        for size in range(len(FACTORS) + 1)
        for chosen in combinations(FACTORS, size)
    }
    shapley = {name: _shapley(name, values) for name in FACTORS}
    shapley["other"] = (mean_now - mean_was) - sum(shapley.values())
    found = [
        Factor(name, usd, float(usd / mean_was * 100))
        for name, usd in shapley.items()
        if abs(usd) > _DUST
    ]
    return tuple(sorted(found, key=lambda factor: -abs(factor.usd)))


def _side(calls: Sequence[Call], prices: UnitPrices) -> _Side:
    groups: dict[str, list[Call]] = {}
    for call in calls:
        groups.setdefault(call.served_model or call.model, []).append(call)
    total = Decimal(len(calls))
    inputs = {m: Decimal(sum(c.input_tokens for c in g)) for m, g in groups.items()}
    return _Side(
        calls=total / len(task_costs(calls)),
        share={m: len(g) / total for m, g in groups.items()},
        input={m: inputs[m] / len(g) for m, g in groups.items()},
        output={m: Decimal(sum(c.output_tokens for c in g)) / len(g) for m, g in groups.items()},
        cache={m: _cache_mix(g, inputs[m]) for m, g in groups.items()},
        price={m: _unit_prices(g[len(g) // 2], prices) for m, g in groups.items()},
    )


def _cache_mix(calls: Sequence[Call], total: Decimal) -> dict[str, Decimal]:
    counts = {
        "cache_read": sum(c.cache_read_tokens for c in calls),
        "cache_write_5m": sum(c.cache_write_5m_tokens for c in calls),
        "cache_write_1h": sum(c.cache_write_1h_tokens for c in calls),
        "input": sum(c.usage.uncached_tokens for c in calls),
    }
    return {kind: count / total if total else Decimal(0) for kind, count in counts.items()}


def _unit_prices(call: Call, prices: UnitPrices) -> dict[str, Decimal]:
    """USD a token of each kind at this call; what has no price is left to `other`."""
    return {kind: prices.per_token(call, kind) or Decimal(0) for kind in KINDS}


def _value(sides: tuple[_Side, _Side], changed: frozenset[str]) -> Decimal:
    """USD a task with these factors as they are now and the others as they were."""
    was, now = sides

    def of(factor: str, side_field: str, model: str) -> Any:
        one, other = (now, was) if factor in changed else (was, now)
        chosen = getattr(one, side_field)
        # A model seen on one side only has no other self: its own figures serve both sides.
        return chosen[model] if model in chosen else getattr(other, side_field)[model]

    shares = (now if "mix" in changed else was).share
    usd = Decimal(0)
    for model, share in shares.items():
        price = of("price", "price", model)
        cache = of("cache", "cache", model)
        blended = sum((part * price[kind] for kind, part in cache.items()), Decimal(0))
        a_call = of("input", "input", model) * blended
        a_call += of("output", "output", model) * price["output"]
        usd += share * a_call
    return usd * (now if "calls" in changed else was).calls


def _shapley(name: str, values: Mapping[tuple[str, ...], Decimal]) -> Decimal:
    """The mean effect of changing `name` over every order of changing the factors."""
    n = len(FACTORS)
    others = [f for f in FACTORS if f != name]
    usd = Decimal(0)
    for size in range(n):
        weight = Decimal(factorial(size) * factorial(n - size - 1)) / factorial(n)
        for without in combinations(others, size):
            with_it = tuple(f for f in FACTORS if f in without or f == name)
            usd += weight * (values[with_it] - values[without])
    return usd
