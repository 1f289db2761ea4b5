"""What a lever is, what it is computed from, and the arithmetic that levers share."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from finops_pack.alerts import WRITE_SHARE_LIMIT, recent_writes
from finops_pack.levers._rhythm import DAY_US, infer_triggers
from finops_pack.levers._since import Measure
from finops_pack.model import Basis, Call, DayTotals, Facts
from finops_pack.money import plain
from finops_pack.unit_prices import UnitPrices, price_of

Kind = Literal["cache", "batch", "model", "workflow"]
Effort = Literal["config", "workflow", "automatic"]

MONTH_DAYS = Decimal(30)
MINIMUM_USD = Decimal("0.01")
EVIDENCE_CALLS = 10
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


@dataclass
class Tally:
    """Dollars and their calls by subject, in the order the subjects were first seen."""

    rows: dict[str, tuple[Decimal, list[Call]]] = field(default_factory=dict)

    def add(self, subject: str, usd: Decimal, *calls: Call) -> None:
        """Count an amount; what saves nothing leaves no trace."""
        if usd > 0:
            before, seen = self.rows.get(subject, (Decimal(0), []))
            self.rows[subject] = (before + usd, [*seen, *calls])

    def __iter__(self) -> Iterator[tuple[str, Decimal, list[Call]]]:
        return ((subject, usd, calls) for subject, (usd, calls) in self.rows.items())


class Work:
    """The paid calls in order of start, their tasks, the facts, and the days they stand for."""

    def __init__(self, calls: Iterable[Call], facts: Facts, days: float | None = None) -> None:
        paid = (call for call in calls if call.amount_pico > 0)
        self.calls = sorted(paid, key=lambda call: (call.start_us, call.id))
        self.facts = facts
        self.tasks = facts.tasks({call.task for call in self.calls if call.task})
        self.days = Decimal(repr(self._span() if days is None else days))
        self._rhythm = infer_triggers(self.calls)
        self._prices = UnitPrices(facts)

    def _span(self) -> float:
        if not self.calls:
            return 1.0
        return max(1.0, (self.calls[-1].start_us - self.calls[0].start_us) / DAY_US)

    def monthly(self, usd: Decimal) -> Decimal:
        """An amount of these days as USD a month, to the micro-dollar."""
        return (usd * MONTH_DAYS / self.days).quantize(_MICRO)

    def sessions(self) -> Iterator[tuple[str, list[Call]]]:
        """(model, calls) of each session and model, in order."""
        groups: dict[tuple[str, str], list[Call]] = {}
        for call in self.calls:
            if call.session:
                groups.setdefault((call.served_model or call.model, call.session), []).append(call)
        return ((model, calls) for (model, _), calls in groups.items())

    def trigger(self, call: Call) -> str | None:
        """What started the call's task: as told, else as its rhythm suggests."""
        task = self.tasks.get(call.task or "")
        told = (task.trigger if task else None) or call.trigger
        return told or self._rhythm.get(call.task or "")

    def price(self, call: Call, **context: str) -> Decimal | None:
        """What the same call would cost in another context; None if that has no price."""
        return price_of(self.facts, call, **context)

    def per_token(self, call: Call, kind: str) -> Decimal | None:
        """USD of one token of `kind` (`input`, `cache_read`, …) at this call; None if unknown."""
        return self._prices.per_token(call, kind)

    def lever(
        self,
        kind: Kind,
        title: str,
        usd: Decimal,
        calls: Sequence[Call],
        message: str,
        *,
        low: Decimal | None = None,
        high: Decimal | None = None,
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
                message=f"{message}: about ${saving:.2f} a month less.",
                estimated_saving_usd=saving,
                low_usd=saving if low is None else self.monthly(low),
                high_usd=saving if high is None else self.monthly(high),
                calls=tuple(call.id for call in calls[:EVIDENCE_CALLS]),
                **fields,
            )
        ]


def share_of_writes(days: Sequence[DayTotals], today: date) -> Lever | None:
    """The recommendation on the writes of the last week's days."""
    writes, total, known = recent_writes(days, today)
    return for_writes(writes, total, Decimal(known))


def for_writes(writes: Decimal, total: Decimal, days: Decimal) -> Lever | None:
    """The recommendation that opens above 30 % of dollars and closes below by itself."""
    if not total or writes / total <= WRITE_SHARE_LIMIT:
        return None
    allowed = (total - writes) * WRITE_SHARE_LIMIT / (1 - WRITE_SHARE_LIMIT)
    saving = ((writes - allowed) * MONTH_DAYS / days).quantize(_MICRO)
    return Lever(
        lever="cache",
        title="Lower the share of cache writes",
        message=(
            f"Cache writes are {writes / total:.0%} of your dollars. Longer heartbeat intervals, "
            "tasks bundled into warm sessions and compression before the cache expires bring "
            f"them to {WRITE_SHARE_LIMIT:.0%}: about ${saving:.2f} a month less."
        ),
        estimated_saving_usd=saving,
        low_usd=Decimal(0),
        high_usd=(writes * MONTH_DAYS / days).quantize(_MICRO),
        basis="estimated",
        effort="config",
        assumption=f"the share of writes falls to {WRITE_SHARE_LIMIT:.0%} and reads stay",
    )
