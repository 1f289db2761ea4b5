"""A call's money split over its token buckets, exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from finops_pack.model import Call, Component, Cost, Facts
from finops_pack.money import from_pico, to_pico

WHOLE = "request"  # the bucket of a call whose price today is not what it was booked at


@dataclass(frozen=True, slots=True)
class Bucket:
    """One kind of what was billed: amounts in USD, `unit_usd` per one of `unit`."""

    kind: str
    quantity: int
    unit: str
    unit_usd: Decimal
    list_usd: Decimal
    paid_usd: Decimal


def buckets(call: Call, facts: Facts) -> Iterator[Bucket]:
    """The buckets of a priced call: list prices sum to its price, paid ones to what was paid.

    A price that is not the booked one any more cannot be split: such a call is one bucket.
    """
    booked = call.cost_pico or 0
    parts = _parts(call, facts, booked)
    lists = [to_pico(part.usd) for part in parts]
    shares = split(paid_pico(call), lists)
    for part, listed, share in zip(parts, split(booked, lists), shares, strict=True):
        yield Bucket(
            part.kind,
            part.quantity,
            part.unit,
            part.usd / part.quantity if part.quantity else Decimal(0),
            from_pico(listed),
            from_pico(share),
        )


def paid_pico(call: Call) -> int:
    """What a call cost in money: nothing by the call on a flat plan."""
    return 0 if call.billing_mode == "subscription" else call.amount_pico


def _parts(call: Call, facts: Facts, booked: int) -> Sequence[Component]:
    cost = _price(call, facts)
    parts = [part for part in cost.components if part.quantity]
    if parts and cost.usd is not None and to_pico(cost.usd) == booked:
        return parts
    return [Component(WHOLE, 1, from_pico(booked) * 10**6, from_pico(booked), "requests")]


def _price(call: Call, facts: Facts) -> Cost:
    asked = {"provider": call.provider, "at": call.started_at, "context": call.context}
    cost = facts.price(call.answered_by, call.usage, **asked)  # type: ignore[arg-type]
    if cost.usd is None and call.served_model:
        cost = facts.price(call.model, call.usage, **asked)  # type: ignore[arg-type]
    return cost


def split(total: int, weights: Sequence[int]) -> list[int]:
    """`total` in proportion to the weights, whole numbers that sum to it (largest remainder)."""
    whole = sum(weights)
    if not whole:
        return [total, *[0] * (len(weights) - 1)]
    shares = [total * weight // whole for weight in weights]
    rest = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for index in rest[: total - sum(shares)]:
        shares[index] += 1
    return shares
