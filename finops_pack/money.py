"""Money: `Decimal` USD in Python, integer pico-USD (10⁻¹² USD) in the ledger, never a float.

USD per million tokens × 10⁶ is pico-USD per token, so all but a handful of published
prices are whole pico-USD; a call is rounded once, half-even, when it is booked.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any

PICO = 10**12
PICO_MAX = 2**63 - 1  # what an SQL BIGINT holds: about 9.2 million USD

_WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)
_ONE = Decimal(1)
_MOST = 9_000_000
_PLACES = 60  # decimals; 1e-999999999 is a text of a gigabyte once it is written out


def usd_of(told: Any) -> Decimal:
    """An amount of USD that somebody tells: a decimal, its text, or a number as it is written.

    Raises `ValueError`; a call costs neither less than nothing nor more than the ledger holds.
    """
    try:
        amount = Decimal(str(told))  # a float has the digits that were written
        if writable(amount) and 0 <= amount < _MOST:
            return amount
    except InvalidOperation:
        pass
    raise ValueError(f"must be an amount in USD, got {str(told)[:40]!r}")


def writable(amount: Decimal) -> bool:
    """Whether it is a number whose decimals can be written out."""
    exponent = amount.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -_PLACES


def to_pico(usd: Decimal) -> int:
    """USD as whole pico-USD, rounded half-even."""
    return int(usd.scaleb(12, _WIDE).quantize(_ONE, context=_WIDE))


def from_pico(pico: int) -> Decimal:
    """Pico-USD as exact Decimal USD."""
    return Decimal(pico).scaleb(-12, _WIDE) if pico else Decimal(0)  # not `0E-12`


def plain(amount: Decimal) -> str:
    """A decimal string without exponent or trailing zeros; zero is "0"."""
    text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def shown(usd: Decimal) -> str:
    """`$12.34`, `$0.09`, `$0.0042`: two decimals, below a dollar two digits that count."""
    if not usd:
        return "$0"
    size = abs(usd)
    places = 2 if size >= 1 else min(12, max(2, 1 - size.adjusted()))
    rounded = usd.quantize(_ONE.scaleb(-places), ROUND_HALF_EVEN)
    whole, _, part = f"{abs(rounded):,f}".partition(".")
    sign = "-" if rounded < 0 else ""
    return f"{sign}${whole}.{part.rstrip('0'):0<2}"
