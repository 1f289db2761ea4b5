"""Why: a cost per task as a product of factors, and what the change of each comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from math import factorial
from typing import Any

from finops_pack.trend._account import Account, OfModel
from finops_pack.unit_prices import KINDS, UnitPrices

FACTORS = ("calls", "mix", "input", "output", "cache", "price")


@dataclass(frozen=True)
class _Side:
    """One period as factors: calls a task, and by model its share, tokens, mix and prices."""

    calls: Decimal
    share: Mapping[str, Decimal]
    input: Mapping[str, Decimal]
    output: Mapping[str, Decimal]
    cache: Mapping[str, Mapping[str, Decimal]]  # kind -> share of input tokens
    price: Mapping[str, Mapping[str, Decimal]]  # kind -> USD a token


def factors(was: Account, now: Account, prices: UnitPrices) -> dict[str, Decimal]:
    """USD a task that the change of each factor comes to: Shapley values of their product."""
    sides = (_side(was, prices), _side(now, prices))
    values = {
        chosen: _value(sides, frozenset(chosen))
        for size in range(len(FACTORS) + 1)
        for chosen in combinations(FACTORS, size)
    }
    return {name: _shapley(name, values) for name in FACTORS}


def _side(account: Account, prices: UnitPrices) -> _Side:
    models, total = account.models, Decimal(account.calls)
    return _Side(
        calls=total / account.tasks,
        share={name: model.calls / total for name, model in models.items()},
        input={name: Decimal(model.input) / model.calls for name, model in models.items()},
        output={name: Decimal(model.output) / model.calls for name, model in models.items()},
        cache={name: model.cache_mix() for name, model in models.items()},
        price={name: _mean_prices(model, prices) for name, model in models.items()},
    )


def _mean_prices(model: OfModel, prices: UnitPrices) -> dict[str, Decimal]:
    """USD a token of each kind, the mean over calls; what has no price is left to `other`."""
    return {
        kind: sum(
            (count * (prices.per_token(call, kind) or Decimal(0)) for call, count in model.terms()),
            Decimal(0),
        )
        / model.calls
        for kind in KINDS
    }


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
