"""What analyses take and give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from finops_pack.model.cost import Cost
from finops_pack.model.sums import Totals
from finops_pack.model.usage import Usage
from finops_pack.model.words import Basis
from finops_pack.model.work import Segment, Task


@dataclass(frozen=True, slots=True)
class DayTotals:
    """One calendar day (ledger's zone) as alerts and report-level levers see it.

    Both the ledger and the server produce it; a value they do not know is None or empty.
    """

    date: str
    total: Totals
    by_model: Mapping[str, Decimal] = field(default_factory=dict)
    by_action: Mapping[str, Decimal] = field(default_factory=dict)
    waste: Mapping[str, Decimal] = field(default_factory=dict)
    score: float | None = None
    unpriced_models: tuple[str, ...] = ()
    cache_write_usd_share: Decimal | None = None
    cache_known_usd: Decimal | None = None  # of how many USD that share is told; None: of all
    reporter: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that costs money, or explains why it was spent.

    `usd` is the expected amount; `usd_low`/`usd_high` its range where it is estimated.
    `confidence` is a probability. `evidence` are sentences that a person can check against
    the calls named in `calls`.
    """

    category: str
    title: str
    calls: tuple[str, ...]
    usd: Decimal
    basis: Basis
    confidence: float
    evidence: tuple[str, ...]
    mend: str
    subtype: str | None = None
    usd_low: Decimal | None = None
    usd_high: Decimal | None = None
    task: str | None = None
    unknown_tokens: int = 0

    @property
    def unpriced(self) -> bool:
        """Whether nothing of it has a price: it is not worth $0."""
        return bool(self.unknown_tokens and not self.usd)

    @property
    def rank(self) -> tuple[Decimal, str, str, tuple[str, ...]]:
        """Where it stands among findings: the dearest first, always in the same order."""
        return -self.usd, self.category, self.task or "", self.calls


@dataclass(frozen=True, slots=True)
class CacheRules:
    """A provider's prompt-cache facts on a date: tokens and seconds, with source."""

    minimum_tokens: int
    ttl_seconds: int
    long_ttl_seconds: int | None = None
    explicit: bool = False
    step_tokens: int = 1
    source: str = ""
    checked: str = ""

    def ttl(self, *, long: bool) -> int:
        """Seconds that a cache lives; `long`: the longer time was asked for, where there is one."""
        return (self.long_ttl_seconds if long else None) or self.ttl_seconds


class Facts(Protocol):
    """What an analysis may know beside the calls; `query` hands it in."""

    def price(
        self,
        model: str,
        usage: Usage,
        *,
        provider: str | None = None,
        at: datetime | None = None,
        context: Mapping[str, str] | None = None,
    ) -> Cost:
        """The price of such a call."""
        ...

    def cache_rules(self, provider: str | None, model: str, at: datetime) -> CacheRules | None:
        """The provider's cache facts at that time, None when they are not on file."""
        ...

    def alternatives(self, model: str, provider: str | None) -> Sequence[str]:
        """Cheaper models of the same table that could do such calls."""
        ...

    def segments(self, sessions: Iterable[str]) -> Sequence[Segment]:
        """The context segments of these sessions."""
        ...

    def tasks(self, ids: Iterable[str]) -> Mapping[str, Task]:
        """The task rows (trigger, outcome) of these ids."""
        ...
