"""What every table becomes, whichever file it came from: models with their prices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEGIN, END = -(2**63), 2**63 - 1  # always, in Unix µs

Price = tuple[tuple[int, Decimal], ...]
"""((0, base), (above, price), …): the last whose `above` the total input exceeds."""
Prices = Mapping[str, Price]


@dataclass(frozen=True, slots=True)
class Window:
    """Prices of some hours: minutes of the UTC day [start, end), ISO weekdays (empty: all)."""

    start: int
    end: int
    weekdays: frozenset[int]
    prices: Prices

    def covers(self, at_us: int) -> bool:
        """Whether this moment lies in the window."""
        minutes, weekday = at_us // 60_000_000 % 1440, (at_us // 86_400_000_000 + 3) % 7 + 1
        if self.weekdays and weekday not in self.weekdays:
            return False
        if self.start <= self.end:
            return self.start <= minutes < self.end
        return minutes >= self.start or minutes < self.end


@dataclass(frozen=True, slots=True)
class Variant:
    """Other prices for calls whose context has all of `when`."""

    when: Mapping[str, str]
    since: int
    until: int
    prices: Prices
    multiplier: Decimal | None = None  # of the standard prices of these kinds:
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Period:
    """Prices in force in [since, until), Unix µs."""

    since: int
    until: int
    prices: Prices
    schedule: tuple[Window, ...] = ()
    variants: tuple[Variant, ...] = ()
    source: str = ""
    checked: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One model of one provider in one table."""

    provider: str
    id: str
    periods: tuple[Period, ...]
    variants: tuple[Variant, ...] = ()
    regions: str = ""  # a pattern of the regions where these prices hold; empty: everywhere
    problem: str = ""  # why nothing here is to be believed

    @classmethod
    def from_json(cls, provider: str, raw: Mapping[str, Any]) -> Entry:
        """An entry from its compiled form."""
        return cls(
            provider,
            raw["id"],
            tuple(_period(p) for p in raw.get("periods", ())),
            tuple(_variant(v) for v in raw.get("variants", ())),
            raw.get("regions", ""),
        )

    def all_variants(self) -> Iterator[Variant]:
        """Those of the entry and those of its periods."""
        yield from self.variants
        for period in self.periods:
            yield from period.variants

    def amounts(self) -> Iterator[Decimal]:
        """Every amount in it, whatever it is for."""
        sheets = [v.prices for v in self.all_variants()]
        for period in self.periods:
            sheets += [period.prices, *(window.prices for window in period.schedule)]
        for sheet in sheets:
            yield from (amount for price in sheet.values() for _, amount in price)


def _period(raw: Mapping[str, Any]) -> Period:
    return Period(
        instant(raw.get("from"), BEGIN),
        instant(raw.get("to"), END),
        _prices(raw["prices"]),
        tuple(_window(w) for w in raw.get("schedule", ())),
        tuple(_variant(v) for v in raw.get("variants", ())),
        raw.get("source", ""),
        raw.get("checked", ""),
    )


def _window(raw: Mapping[str, Any]) -> Window:
    start, end = raw["utc"]
    return Window(start, end, frozenset(raw.get("weekdays", ())), _prices(raw["prices"]))


def _variant(raw: Mapping[str, Any]) -> Variant:
    multiplier = raw.get("multiplier")
    return Variant(
        raw["when"],
        instant(raw.get("from"), BEGIN),
        instant(raw.get("to"), END),
        _prices(raw.get("prices", {})),
        Decimal(multiplier) if multiplier else None,
        tuple(raw.get("of", ())),
    )


def _prices(raw: Mapping[str, Any]) -> Prices:
    return {kind: _price(price) for kind, price in raw.items()}


def _price(raw: Any) -> Price:
    """`"2.5"`, or `["2.5", 272000, "5"]` where the price changes above a total input."""
    if isinstance(raw, str):
        return ((0, Decimal(raw)),)
    base, *steps = raw
    tiers = zip(steps[::2], steps[1::2], strict=True)
    return ((0, Decimal(base)), *((above, Decimal(price)) for above, price in tiers))


@lru_cache(maxsize=1024)
def instant(text: str | None, default: int) -> int:
    """An ISO date or time (naive: UTC) in Unix µs; None gives `default`."""
    if text is None:
        return default
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // timedelta(microseconds=1)
