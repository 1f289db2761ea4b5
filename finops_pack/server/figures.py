"""From reports to figures: days that add their reporters up, and the answers of the API.

Pure and exact: sums are Decimal in a context wide enough for anything a report may hold.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Context, Decimal, localcontext
from itertools import groupby
from typing import Any

from finops_pack.model import DayTotals, Totals
from finops_pack.server.reports import Kept

_WIDE = Context(prec=150)
_HUNDREDTH = Decimal("0.01")
CACHE_SHARES = ("hit_rate", "attainable", "write_share_usd", "write_share_tokens")
_OF_DOLLARS = {"write_share_usd"}
Shares = Mapping[str, tuple[Decimal, Decimal]]
"""By name a share (0–1), and of how many dollars or tokens it is told."""


@dataclass(frozen=True, slots=True)
class Day:
    """One calendar day of an account, all its reporters added up; amounts in USD."""

    date: str
    cost: Decimal
    tokens: int
    requests: int
    by_model: Mapping[str, Decimal]
    by_action: Mapping[str, Decimal]
    waste: Mapping[str, Decimal]
    score: Decimal | None
    coverage: Mapping[str, int]
    unpriced_models: tuple[str, ...]
    covered: int  # requests of the reports that tell their coverage
    cold_calls: Mapping[str, int]
    cache: Shares  # hit_rate, attainable, write shares
    kept: Sequence[Kept] = field(default=(), repr=False)  # without their bodies

    @property
    def write_share(self) -> Decimal | None:
        """Cache writes of the dollars of those who tell, None where nobody does."""
        return self.cache.get("write_share_usd", (None,))[0]

    def totals(self) -> DayTotals:
        """The day as alerts and levers take it."""
        share, known = self.cache.get("write_share_usd", (None, None))
        return DayTotals(
            date=self.date,
            total=Totals(
                calls=self.requests,
                requests=self.requests,
                usd=self.cost,
                unpriced_calls=self.coverage.get("unpriced_requests", 0),
                estimated_calls=self.coverage.get("estimated_requests", 0),
            ),
            by_model=self.by_model,
            by_action=self.by_action,
            waste=self.waste,
            score=None if self.score is None else float(self.score),
            unpriced_models=self.unpriced_models,
            cache_write_usd_share=share,
            cache_known_usd=known,
        )


def days(kept: Iterable[Kept]) -> list[Day]:
    """One row a date with reports, oldest first; `kept` comes in order of date."""
    return list(day_by_day(kept))


def day_by_day(kept: Iterable[Kept]) -> Iterator[Day]:
    """The same, one at a time: a row of very many names is not held with the others."""
    for on, group in groupby(kept, key=lambda k: k.date):
        with localcontext(_WIDE):
            day = _day(on, list(group))
        yield day


def _day(on: str, kept: list[Kept]) -> Day:
    bodies = [k.body for k in kept]
    facts = [_mapping(body.get("metadata")) for body in bodies]
    coverage = [_mapping(f.get("coverage")) for f in facts]
    cache = [_mapping(f.get("cache")) for f in facts]
    weights = [Decimal(body["total_cost"]) for body in bodies]
    tokens = [int(body["total_tokens"]) for body in bodies]
    requests = [int(body["total_requests"]) for body in bodies]
    scores = [_number(body.get("efficiency_score")) for body in bodies]
    unpriced = {name for c in coverage for name in _texts(c.get("unpriced_models"))}
    return Day(
        date=on,
        cost=sum(weights, Decimal(0)),
        tokens=sum(tokens),
        requests=sum(requests),
        by_model=_added([body.get("cost_by_model") for body in bodies]),
        by_action=_added([body.get("cost_by_action") for body in bodies]),
        waste=_added([body.get("waste_categories") for body in bodies]),
        score=weighed(list(zip(scores, weights, strict=True))),
        coverage=_counted(coverage),
        unpriced_models=tuple(sorted(unpriced)),
        covered=sum(n for n, c in zip(requests, coverage, strict=True) if "priced_requests" in c),
        cold_calls=_counted(_mapping(c.get("cold_calls")) for c in cache),
        cache=cache_shares(map(_told, cache, weights, tokens)),
        kept=tuple(replace(k, body={}) for k in kept),
    )


def _added(parts: Sequence[Any]) -> dict[str, Decimal]:
    if len(parts) == 1:  # the usual day has one report: half of a dashboard's time is saved here
        return {name: Decimal(usd) for name, usd in (parts[0] or {}).items()}
    total: dict[str, Decimal] = defaultdict(Decimal)
    for part in parts:
        for name, usd in (part or {}).items():
            total[name] += Decimal(usd)
    return dict(total)


def _counted(parts: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Whole counts by name; what is none is left out: metadata is anybody's."""
    total: Counter[str] = Counter()
    for part in parts:
        for name, count in part.items():
            if isinstance(count, int) and not isinstance(count, bool) and count >= 0:
                total[name] += count
    return dict(total)


def cache_shares(parts: Iterable[Shares]) -> dict[str, tuple[Decimal, Decimal]]:
    """Each share over those parts that tell it."""
    told, found = list(parts), {}
    for name in CACHE_SHARES:
        known = [part[name] for part in told if name in part]
        share = weighed(known)
        if share is not None:
            found[name] = share, sum((of for _, of in known), Decimal(0))
    return found


def _told(cache: Mapping[str, Any], cost: Decimal, tokens: int) -> Shares:
    """The shares of one report: what another did not tell is no part of what they are of.

    One of dollars is weighed by cost, one of tokens by tokens: a dear day with few of them tells
    little of the whole. A report has no input tokens of their own, so all of them stand in.
    """
    shares = ((name, _share(cache.get(name))) for name in CACHE_SHARES)
    return {
        name: (share, cost if name in _OF_DOLLARS else Decimal(tokens))
        for name, share in shares
        if share is not None
    }


def _share(value: Any) -> Decimal | None:
    number = _number(value)
    return number if number is not None and 0 <= number <= 1 else None


def weighed(values: Sequence[tuple[Decimal | None, Decimal]]) -> Decimal | None:
    """The mean of what is known by its weights (plain where they are all nothing)."""
    known = [(value, weight) for value, weight in values if value is not None]
    if len(known) == 1:
        return known[0][0]
    with localcontext(_WIDE):
        total = sum((weight for _, weight in known), Decimal(0))
        if not known:
            return None
        if not total:
            return sum((value for value, _ in known), Decimal(0)) / len(known)
        return sum((value * weight for value, weight in known), Decimal(0)) / total


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Decimal(value)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _texts(value: Any) -> list[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []


def hundredth(value: Decimal | None) -> Decimal | None:
    """Rounded to two decimals, as our own client sends a score."""
    return None if value is None else value.quantize(_HUNDREDTH)


def summary(found: Sequence[Day], start: date, end: date) -> dict[str, Any]:
    """`summary` of the dashboard."""
    with localcontext(_WIDE):
        return {
            "total_cost": sum((day.cost for day in found), Decimal(0)),
            "total_tokens": sum(day.tokens for day in found),
            "total_requests": sum(day.requests for day in found),
            "avg_efficiency": hundredth(weighed([(day.score, day.cost) for day in found])),
            "report_count": sum(len(day.kept) for day in found),
            "period_start": start.isoformat(),
            "period_end": end.isoformat(),
        }


def trend(found: Iterable[Day]) -> list[dict[str, Any]]:
    """Scored days, oldest first."""
    scored = ((day.date, day.score) for day in found if day.score is not None)
    return [{"date": date, "score": hundredth(score)} for date, score in scored]


def data_row(day: Day) -> dict[str, Any]:
    """One day of `cost-trends`."""
    return {
        "date": day.date,
        "total_cost": day.cost,
        "total_tokens": day.tokens,
        "total_requests": day.requests,
        "cost_by_model": day.by_model,
        "cost_by_action": day.by_action,
        "waste_categories": day.waste,
        "reports": [
            {"report_id": k.report_id, "reporter": k.reporter, "content_hash": k.content_hash}
            for k in day.kept
        ],
    }
