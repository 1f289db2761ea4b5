"""Figures as short text, for people at a terminal and for agents alike."""

from __future__ import annotations

from decimal import Decimal

from finops_pack.money import shown

usd = shown


def tokens(count: float) -> str:
    """`950`, `61k`, `15.5M`, `1.3B`."""
    if count < 10_000:
        return f"{count:,.0f}"
    for size, unit in ((10**9, "B"), (10**6, "M")):
        if count >= size - size // 2000:  # what would be rounded to it
            return f"{count / size:.1f}{unit}"
    return f"{count / 1000:.0f}k"


def count(number: int, noun: str) -> str:
    """`1 call`, `2,000 calls`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def days(span: Decimal | float) -> str:
    """`1 day`, `6.4 days`."""
    told = f"{span:.1f}".removesuffix(".0")
    return f"{told} day{'' if told == '1' else 's'}"


def percent(share: Decimal | float, places: int = 0) -> str:
    """`12%`, `<1%`, `>99%`: what there is of something is neither none of it nor all of it."""
    text, least = f"{share * 100:.{places}f}", f"{Decimal(1).scaleb(-places):f}"
    if share > 0 and not float(text):
        return f"<{least}%"
    if share < 1 and float(text) == 100:
        return f">{100 - Decimal(least)}%"
    return f"{text}%"


def times(factor: Decimal) -> str:
    """`10.9×`, `<0.1×`: less than what can be shown is not nothing."""
    text = f"{factor:,.1f}"
    return "<0.1×" if factor and text == "0.0" else f"{text}×"


def score(points: Decimal | float, places: int = 0) -> str:
    """`87`, `>99`: what is not all of a hundred points does not read 100."""
    return percent(points / 100, places).rstrip("%")


def bar(share: float, width: int = 20) -> str:
    """`████████░░`: a share of 0–1, full when over."""
    filled = round(min(1.0, max(0.0, share)) * width)
    return "█" * filled + "░" * (width - filled)
