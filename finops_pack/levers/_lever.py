"""What a lever is, what it is computed from, and the arithmetic that levers share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from finops_pack import figures
from finops_pack.alerts import WRITE_SHARE_DAYS, WRITE_SHARE_LIMIT, recent_writes
from finops_pack.levers._found import Found
from finops_pack.levers._rhythm import DAY_US, Rhythm
from finops_pack.levers._since import Measure
from finops_pack.model import Basis, Call, DayTotals, Facts
from finops_pack.money import plain, shown
from finops_pack.unit_prices import UnitPrices

Kind = Literal["cache", "batch", "model", "workflow"]
Effort = Literal["config", "workflow", "automatic"]

MONTH_DAYS = Decimal(30)
MINIMUM_USD = Decimal("0.01")
_MICRO = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Lever:
    """One change worth making. Savings are USD a month; `calls` names some of its evidence.

    What it has saved is later measured over the calls in its `scope`, by `measure`.
    """

    lever: Kind
    title: str
    message: str
    estimated_saving_usd: Decimal
    low_usd: Decimal
    high_usd: Decimal
    basis: Basis
    effort: Effort
    assumption: str
    subject: str = ""
    calls: tuple[str, ...] = ()
    scope: Mapping[str, str] = field(default_factory=dict)
    measure: Measure = "task"

    @property
    def id(self) -> str:
        """Stable for the same lever on the same subject."""
        text = f"{self.lever}:{self.title}:{self.subject}"
        return f"lev_{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, amounts as decimal strings."""
        return {
            "id": self.id,
            "lever": self.lever,
            "title": self.title,
            "message": self.message,
            "subject": self.subject,
            "estimated_saving_usd": plain(self.estimated_saving_usd),
            "low_usd": plain(self.low_usd),
            "high_usd": plain(self.high_usd),
            "basis": self.basis,
            "effort": self.effort,
            "assumption": self.assumption,
            "calls": list(self.calls),
            "scope": dict(self.scope),
            "measure": self.measure,
        }


class Work:
    """The facts, what calls cost by them, and the days that the calls stand for."""

    def __init__(self, facts: Facts, days: float | None = None) -> None:
        self.facts = facts
        self.rhythm = Rhythm()
        self._days = days
        self._span_us: tuple[int, int] | None = None
        self.prices = UnitPrices(facts)

    def see(self, call: Call) -> None:
        """The next call, in order of start."""
        first_us = self._span_us[0] if self._span_us else call.start_us
        self._span_us = first_us, call.start_us

    @property
    def days(self) -> Decimal:
        """As told, else from the first call to the last; known once all were seen."""
        first_us, last_us = self._span_us or (0, 0)
        seen = max(1.0, (last_us - first_us) / DAY_US)
        return Decimal(repr(seen if self._days is None else self._days))

    def monthly(self, usd: Decimal) -> Decimal:
        """An amount of these days as USD a month, to the micro-dollar."""
        return (usd * MONTH_DAYS / self.days).quantize(_MICRO)

    def lever(
        self,
        kind: Kind,
        title: str,
        usd: Decimal,
        calls: Sequence[str],
        message: str,
        *,
        low: Decimal | None = None,
        high: Decimal | None = None,
        basis: Basis = "estimated",
        **fields: Any,
    ) -> list[Lever]:
        """The lever as a list, empty when it saves less than a cent a month."""
        saving = self.monthly(usd)
        if saving < MINIMUM_USD:
            return []
        return [
            Lever(
                lever=kind,
                title=title,
                message=f"{message}: {_less(saving, self.days)}",
                estimated_saving_usd=saving,
                low_usd=saving if low is None else self.monthly(low),
                high_usd=saving if high is None else self.monthly(high),
                basis=basis,
                calls=tuple(calls),
                **fields,
            )
        ]

    def on_model(
        self, model: str, found: Found, kind: Kind, title: str, message: str, **fields: Any
    ) -> list[Lever]:
        """The lever on all calls to a model in which something was found."""
        return self.lever(
            kind,
            title,
            found.usd,
            found.calls,
            message,
            subject=model,
            scope={"model": model},
            **fields,
        )


def _less(saving: Decimal, days: Decimal, last: int = 0) -> str:
    """The saving and what it rests on: a report tells whole days, a ledger the hours as well.

    `last`: they are some of so many days before now, whatever period a screen shows beside it.
    """
    span = figures.days(days)
    if last:
        span = f"{span.split()[0]} of the last {last} days"
    return f"about {shown(saving)} a month less. Estimated from {span}."


def share_of_writes(days: Sequence[DayTotals], today: date) -> Lever | None:
    """The recommendation on the writes of the last week's days."""
    writes, total, known = recent_writes(days, today)
    return for_writes(writes, total, Decimal(known), WRITE_SHARE_DAYS)


def for_writes(writes: Decimal, total: Decimal, days: Decimal, last: int = 0) -> Lever | None:
    """The recommendation that opens above 30 % of dollars and closes below by itself."""
    if not total or writes / total <= WRITE_SHARE_LIMIT:
        return None
    allowed = (total - writes) * WRITE_SHARE_LIMIT / (1 - WRITE_SHARE_LIMIT)
    saving = ((writes - allowed) * MONTH_DAYS / days).quantize(_MICRO)
    return Lever(
        lever="cache",
        title="Lower the share of cache writes",
        message=(
            f"Cache writes are {writes / total:.1%} of your dollars. Longer heartbeat intervals, "
            "tasks bundled into warm sessions and compression before the cache expires bring "
            f"them to {WRITE_SHARE_LIMIT:.0%}: {_less(saving, days, last)}"
        ),
        estimated_saving_usd=saving,
        low_usd=Decimal(0),
        high_usd=(writes * MONTH_DAYS / days).quantize(_MICRO),
        basis="estimated",
        effort="config",
        assumption=f"the share of writes falls to {WRITE_SHARE_LIMIT:.0%} and reads stay",
    )
