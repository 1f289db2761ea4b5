"""The report of one day, from the ledger's own figures: the same day gives the same body."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops_pack import config
from finops_pack.errors import LedgerUnreachable
from finops_pack.model import Totals
from finops_pack.report import names
from finops_pack.report.figures import by_size, filled, rounded, within
from finops_pack.report.model import DailyReport, parse

if TYPE_CHECKING:
    from finops_pack.ledger import Ledger
    from finops_pack.query import Reader
    from finops_pack.query.period import Period

MAX_NAMES = 200  # of a breakdown; the cheapest beyond stand together under OTHER
OTHER = "(other)"
_READS = 10


@dataclass(frozen=True)
class Day:
    """What the ledger says of one day; `waste`, `score` and `cache` None where unknown.

    `estimated` are the categories of waste that are not measured.
    """

    date: str
    total: Totals
    by_model: tuple[Totals, ...]
    by_action: tuple[Totals, ...]
    waste: Mapping[str, Decimal] | None = None
    score: Decimal | None = None
    cache: Mapping[str, Any] | None = None
    estimated: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Identity:
    """Who reports; `reporter` is the ledger's stable id."""

    reporter: str
    agent_version: str = "unknown"
    environment: str = "unknown"


def identity(ledger: Ledger) -> Identity:
    """This ledger's reporter id (made once, at random) and what the settings say."""
    settings = config.load()
    return Identity(
        reporter=_reporter(ledger),
        agent_version=_said(settings.agent_version or settings.tags.get("agent_version")),
        environment=_said(settings.environment or settings.tags.get("environment")),
    )


def _said(text: str | None) -> str:
    """What a shell of another encoding has said is no ground to send nothing."""
    return (text or "unknown").encode("utf-8", "replace").decode()


def _reporter(ledger: Ledger) -> str:
    document = ledger.get("report", "reporter")
    if document is None:
        made = {"id": f"led_{secrets.token_hex(8)}"}
        document = ledger.update("report", "reporter", lambda old: old or made) or made
    return str(document["id"])


def build(ledger: Ledger, date: str, who: Identity) -> DailyReport:
    """The report of this day; raises `LedgerUnreachable` when no steady reading is had."""
    return compose(read(ledger, date), who)


def read(ledger: Ledger, date: str) -> Day:
    """The day's figures; read anew while a drain moves them."""
    from finops_pack.query import Period, Reader

    period = Period.day(date, ledger.time_zone)
    for _ in range(_READS):
        reader = Reader(ledger)  # its own, since a reader keeps the calls it has read
        models, actions = reader.spend("model", period), reader.spend("action", period)
        if models.total == actions.total:
            break
    else:
        raise LedgerUnreachable(f"the figures of {date} keep changing", mend="try again")
    day = Day(date, models.total, models.rows, actions.rows)
    return _analysed(day, reader, period) if day.total.requests else day


def _analysed(day: Day, reader: Reader, period: Period) -> Day:
    score, found = reader.score(period).score, reader.waste(period).categories
    return replace(
        day,
        waste={name: part.usd for name, part in found.items()},
        estimated=frozenset(name for name, part in found.items() if part.basis == "estimated"),
        score=None if score is None else Decimal(str(score)),
        cache=_cache(reader, period),
    )


def _cache(reader: Reader, period: Period) -> dict[str, Any]:
    """Shares from 0 to 1, as the server reads them; what is unknown is left out."""
    found = reader.cache(period)
    shares = {
        "hit_rate": found.hit,
        "attainable": found.attainable,
        "write_share_tokens": found.writes.token_share,
        "write_share_usd": found.writes.usd_share,
    }
    known = {name: rounded(Decimal(share)) for name, share in shares.items() if share is not None}
    cold = {cause: count for cause, (count, _) in sorted(found.cold_by_cause.items())}
    return {**known, "cold_calls": cold}


def compose(day: Day, who: Identity) -> DailyReport:
    """The report with every invariant of the API: see DETAILS, "Report and delivery"."""
    cost = rounded(day.total.usd)
    body: dict[str, Any] = {
        "date": day.date,
        # Counts that make no sense are kept in the ledger as they came, negative ones too.
        "total_tokens": max(day.total.input_tokens + day.total.output_tokens, 0),
        "total_cost": cost,
        "total_requests": day.total.requests,
        "cost_by_model": filled(_breakdown(day.by_model, names.model), cost),
        "cost_by_action": filled(_breakdown(day.by_action, names.action), cost),
    }
    if day.waste or day.score is not None:  # "none found" needs enough to look at
        body["waste_categories"] = within(day.waste or {}, cost)
    if day.score is not None:
        body["efficiency_score"] = round(day.score, 2)
    return parse({**body, "metadata": _metadata(day, who)})


def unrounded(day: Day) -> dict[str, Mapping[str, Decimal]]:
    """The breakdowns for people, to whom a part of a millionth is not $0."""
    return {
        "model": by_size(_breakdown(day.by_model, names.model)),
        "action": by_size(_breakdown(day.by_action, names.action)),
        "waste": by_size(day.waste or {}),
    }


def _breakdown(rows: Iterable[Totals], public: Callable[[str | None], str]) -> dict[str, Decimal]:
    """Amounts by public name; what has no price at all is left out."""
    parts: dict[str, Decimal] = {}
    for row in rows:
        if row.usd or row.requests > row.unpriced_calls:
            name = public(row.key)
            parts[name] = parts.get(name, Decimal(0)) + row.usd
    return _capped(parts)


def _capped(parts: Mapping[str, Decimal]) -> dict[str, Decimal]:
    ordered = list(by_size(parts).items())
    kept, rest = dict(ordered[:MAX_NAMES]), ordered[MAX_NAMES:]
    if rest:
        kept[OTHER] = kept.get(OTHER, Decimal(0)) + sum((usd for _, usd in rest), Decimal(0))
    return kept


def _metadata(day: Day, who: Identity) -> dict[str, Any]:
    total = day.total
    unpriced = sorted({names.model(row.key) for row in day.by_model if row.without_rate})
    coverage = {
        "priced_requests": max(total.requests - total.unpriced_calls - total.partial_calls, 0),
        "unpriced_requests": total.unpriced_calls,
        "partial_requests": total.partial_calls,
        "estimated_requests": total.estimated_calls,
        "unpriced_tokens": total.unpriced_tokens,
        "unpriced_models": unpriced[:MAX_NAMES],
    }
    metadata: dict[str, Any] = {
        "agent_version": who.agent_version,
        "environment": who.environment,
        "reporter": who.reporter,
        "coverage": coverage,
    }
    return metadata if day.cache is None else {**metadata, "cache": dict(day.cache)}
