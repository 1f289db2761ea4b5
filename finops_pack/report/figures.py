"""The arithmetic of a report: parts that sum to their total, literal by literal."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

from finops_pack.report.model import PLACES

_UNIT = Decimal(1).scaleb(-PLACES)
_WIDE = Context(prec=60)


def rounded(usd: Decimal) -> Decimal:
    """USD to 6 places, half-even."""
    return usd.quantize(_UNIT, ROUND_HALF_EVEN, _WIDE)


def floored(usd: Decimal) -> Decimal:
    """USD to 6 places, never more than it was."""
    return usd.quantize(_UNIT, ROUND_FLOOR, _WIDE)


def filled(parts: Mapping[str, Decimal], total: Decimal) -> dict[str, Decimal]:
    """`parts` at 6 places so that they sum to `total`, which is their exact sum `rounded`.

    What flooring leaves over goes, one millionth each, to the largest remainders, ties by
    name; dearest first.
    """
    low = {name: floored(usd) for name, usd in parts.items()}
    over = int((total - sum(low.values(), Decimal(0))) / _UNIT)
    for name in sorted(parts, key=lambda name: (low[name] - parts[name], name))[:over]:
        low[name] += _UNIT
    return by_size(low)


def within(parts: Mapping[str, Decimal], total: Decimal) -> dict[str, Decimal]:
    """`parts` floored, their sum never above `total`; dearest first."""
    left, kept = total, {}
    for name in sorted(parts):
        kept[name] = min(floored(parts[name]), left)
        left -= kept[name]
    return by_size(kept)


def by_size(parts: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """The same, dearest first, ties by name."""
    return dict(sorted(parts.items(), key=lambda item: (-item[1], item[0])))
