"""Numbers in what an API sent: counts and amounts, whatever stands in their place."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from finops_pack.recorder._messages import get


def count(value: Any) -> int:
    """A whole number from what an API sent: absent or unreadable is 0, negative stays."""
    if type(value) is int:
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return 0


def first(thing: Any, *names: str) -> int:
    """The first of these counts that is there."""
    for name in names:
        value = get(thing, name)
        if value is not None:
            return count(value)
    return 0


def has(thing: Any, *names: str) -> bool:
    """Whether any of these is there."""
    return any(get(thing, name) is not None for name in names)


def charged(usage: Any) -> Decimal | None:
    """What a gateway says it charged, in USD (OpenRouter: `usage.cost`)."""
    return None if usage is None else dollars(get(usage, "cost"))


def dollars(value: Any) -> Decimal | None:
    """An amount from JSON or a header, exact as it was written; None when it is none."""
    if value is None or isinstance(value, bool):
        return None
    try:
        amount = Decimal(str(value))
    except (InvalidOperation, ValueError):
        return None
    return amount if amount.is_finite() and amount >= 0 else None
