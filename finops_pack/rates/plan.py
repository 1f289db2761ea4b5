"""Which rate holds for a call: by context, time, hour, weekday and total input.

A `Plan` is all that is known of (model, provider, context); it is made once and kept.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from decimal import Decimal

from finops_pack.money import plain
from finops_pack.rates.entries import BEGIN, END, Entry, Period, Prices, Variant, Window
from finops_pack.rates.rate import EXACT, Rate


@dataclass(slots=True)
class Slot:
    """One stretch of time in which nothing but the hour and the tier matters."""

    since: int
    standard: tuple[tuple[int, Rate], ...] = ()  # (above, rate), highest first
    schedule: tuple[tuple[Window, tuple[tuple[int, Rate], ...]], ...] = ()
    reason: str = ""

    def rate(self, at_us: int, total_input: int) -> Rate | None:
        """The rate at this moment for a prompt of this size."""
        tiers = self.standard
        for window, others in self.schedule:
            if window.covers(at_us):
                tiers = others
                break
        for above, rate in tiers:
            if total_input > above:
                return rate
        return tiers[-1][1] if tiers else None


@dataclass(slots=True)
class Plan:
    """All that holds for one model, provider and context, over time."""

    slots: list[Slot] = field(default_factory=list)
    reason: str = ""
    starts: list[int] = field(default_factory=list)
    newest: Rate | None = None  # the usual case: one rate since then, whatever the hour and size
    newest_since: int = END

    def __post_init__(self) -> None:
        self.starts = [slot.since for slot in self.slots]
        last = self.slots[-1] if self.slots else Slot(END)
        if not last.schedule and len(last.standard) == 1:
            self.newest, self.newest_since = last.standard[0][1], last.since

    def rate(self, at_us: int, total_input: int) -> Rate | None:
        """The rate for a call, None when there is none (then see `why`)."""
        if at_us >= self.newest_since:
            return self.newest
        number = bisect_right(self.starts, at_us) - 1
        return self.slots[number].rate(at_us, total_input) if number >= 0 else None

    def why(self, at_us: int) -> str:
        """Why there is no rate at this moment."""
        number = bisect_right(self.starts, at_us) - 1
        at = self.slots[number].reason if number >= 0 else ""
        return self.reason or at or "no price was in force at the time of the call"

    def rates(self) -> Iterator[Rate]:
        """Every rate in it."""
        for slot in self.slots:
            for tiers in (slot.standard, *(others for _, others in slot.schedule)):
                yield from (rate for _, rate in tiers)


@dataclass(frozen=True, slots=True)
class Discount:
    """What a contract takes off list prices in [since, until), Unix µs."""

    factor: Decimal
    contract: str
    since: int = BEGIN
    until: int = END


_LIST_PRICE = Discount(Decimal(1), "")


@dataclass(frozen=True, slots=True)
class Found:
    """What one table says of a model, with the discounts on it, the most specific first."""

    entry: Entry
    discounts: tuple[Discount, ...] = ()
    origin: str = ""
    checked: str = ""


def make_plan(found: Sequence[Found], context: Mapping[str, str]) -> Plan:
    """The plan of a model from what the tables say of it, the strongest table first."""
    edges = {BEGIN}
    for item in found:
        stretches: list[Period | Variant | Discount] = [*item.entry.periods, *item.discounts]
        stretches += item.entry.all_variants()
        edges |= {edge for s in stretches for edge in (s.since, s.until)}
    return Plan([_slot(edge, found, context) for edge in sorted(edges) if edge < END])


def _in_force(stretch: Period | Variant | Discount, at_us: int) -> bool:
    return stretch.since <= at_us < stretch.until


def _slot(since: int, found: Sequence[Found], context: Mapping[str, str]) -> Slot:
    """What holds from this moment on, until the next edge.

    The strongest table with a price for the time decides; tables above it that have only
    variants add those.
    """
    variants: list[Variant] = []
    for item in found:
        if item.entry.problem:
            return Slot(since, reason=f"{item.entry.provider}: {item.entry.problem}")
        variants += [v for v in item.entry.variants if _in_force(v, since)]
        for period in item.entry.periods:
            if _in_force(period, since):
                variants += [v for v in period.variants if _in_force(v, since)]
                return _Making(since, item, period, variants, context).slot()
    return Slot(since)


@dataclass(slots=True)
class _Making:
    """All that goes into one slot."""

    since: int
    item: Found
    period: Period
    variants: Sequence[Variant]
    context: Mapping[str, str]
    variant: Variant | None = None

    def slot(self) -> Slot:
        """The slot, or one that says why there is no price."""
        entry, period = self.item.entry, self.period
        reason = self._choose() or self._outside(entry)
        if not reason and not period.prices and not period.schedule:
            reason = "no price on file for that time"
        if reason:
            return Slot(self.since, reason=f"{entry.provider}/{entry.id}: {reason}")
        schedule = tuple((window, self._tiers(window.prices)) for window in period.schedule)
        return Slot(self.since, self._tiers(period.prices), schedule)

    def _choose(self) -> str:
        asked = standardised(self.context, self.variants)
        self.variant = next((v for v in self.variants if dict(v.when) == asked), None)
        if not asked or self.variant:
            return ""
        said = ", ".join(f"{key}={value}" for key, value in asked.items())
        return f"no price on file for {said} at that time"

    def _outside(self, entry: Entry) -> str:
        region = self.context.get("region")
        if not entry.regions or not region or re.fullmatch(entry.regions, region):
            return ""
        return f"no price on file for region {region}"

    def _tiers(self, prices: Prices) -> tuple[tuple[int, Rate], ...]:
        prices = _varied(prices, self.variant)
        above = {above for price in prices.values() for above, _ in price}
        return tuple((step, self._rate(prices, step)) for step in sorted(above or {0})[::-1])

    def _rate(self, prices: Prices, step: int) -> Rate:
        discounts = (d for d in self.item.discounts if _in_force(d, self.since))
        discount = next(discounts, _LIST_PRICE)
        units = {
            kind: EXACT.multiply(max(s for s in price if s[0] <= step)[1], discount.factor)
            for kind, price in prices.items()
        }
        marks = [f"{self.item.entry.provider}/{self.item.entry.id}"]
        marks += self.variant.when.values() if self.variant else ()
        marks += [f">{step}"] if step else []
        marks += [discount.contract] if discount.contract else []
        text = ",".join(f"{kind}={plain(units[kind])}" for kind in sorted(units))
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        id_ = f"{'|'.join(marks)}#{digest}"
        source = self.period.source or self.item.origin
        return Rate(id_, units, source, self.period.checked or self.item.checked)


_STANDARD = {
    "processing": {"standard", "realtime", "online", "sync"},
    "service_tier": {"standard", "default", "auto", "on_demand", "standard_only"},
    "speed": {"standard", "normal"},
    "inference_geo": {"global", "not_available"},
}
_MEANT = {"service_tier": "speed", "region": "inference_geo"}  # what Anthropic calls these
REGIONAL = "regional"  # any region but "global", in the `when` of a price on file


def standardised(context: Mapping[str, str], variants: Sequence[Variant]) -> dict[str, str]:
    """What a context asks for beyond the standard price.

    A region counts only where a price on file names one: a call's region is known far more
    often than it matters.
    """
    asked: dict[str, str] = {}
    named = {item for variant in variants for item in variant.when.items()}
    for key, value in context.items():
        if value in ("", None) or value in _STANDARD.get(key, ()):
            continue
        if (_MEANT.get(key), value) in named:
            key = _MEANT[key]
        if key == "region":
            value = _place(value, named)
        if not value:
            continue
        if key == "service_tier" and value == "batch":  # how Anthropic reports a batch
            key, value = "processing", "batch"
        asked[key] = value
    return asked


def _place(region: str, named: Set[tuple[str, str]]) -> str:
    """The region as the prices on file name it; none where it does not matter to them."""
    if ("region", region) in named:
        return region
    if ("region", REGIONAL) in named:
        return "" if region == "global" else REGIONAL
    return region if any(key == "region" for key, _ in named) else ""


def _varied(prices: Prices, variant: Variant | None) -> Prices:
    if variant is None:
        return prices
    base = dict(prices)
    if variant.multiplier is not None:
        for kind in set(variant.kinds) & set(base):
            base[kind] = tuple((n, EXACT.multiply(p, variant.multiplier)) for n, p in base[kind])
    return {**base, **variant.prices}
