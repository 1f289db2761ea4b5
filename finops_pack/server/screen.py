"""What a page shows, whoever knows it: reports of an account, or the ledger of this machine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from finops_pack.alerts import SEVERITIES
from finops_pack.forecast import Forecast

PERIODS = {"7d": 7, "30d": 30, "90d": 90}
SHOWN_NAMES = 8  # of a breakdown in a chart; the rest stand together
OTHER = "(other)"
NOT_SET = "(not set)"  # what nobody has named


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: USD spent and wasted, split by model and action; shares are 0–1."""

    date: str
    usd: Decimal
    waste_usd: Decimal = Decimal(0)
    by_model: Mapping[str, Decimal] = field(default_factory=dict)
    by_action: Mapping[str, Decimal] = field(default_factory=dict)
    write_share: Decimal | None = None
    score: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """One line of a breakdown: USD and its part (0–1) of the whole."""

    name: str
    usd: Decimal
    part: Decimal
    basis: str = "measured"


@dataclass(frozen=True, slots=True)
class UnitCost:
    """USD of one task or request, and how it moved: change is a ratio (0.23 is +23 %).

    `low` and `high` are its interval; without one nobody has tested whether it is chance.
    """

    unit: str  # "task" or "request"
    usd: Decimal
    count: int
    change: Decimal | None = None
    causes: tuple[str, ...] = ()
    low: Decimal | None = None
    high: Decimal | None = None
    chance: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """The month against its limit, USD."""

    spent: Decimal
    limit: Decimal
    threshold_pct: int

    @property
    def part(self) -> Decimal:
        """Spent of the limit; 1 is all of it."""
        return self.spent / self.limit


@dataclass(frozen=True, slots=True)
class Limit:
    """A budget of the ledger as it was written, and what stands against it; USD.

    One that begins anew for each call, task or session names which in `each`.
    """

    spec: str
    used: Decimal
    limit: Decimal
    each: str = ""

    @property
    def part(self) -> Decimal:
        """Used of the limit; 1 is all of it."""
        return self.used / self.limit if self.limit else Decimal(1)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many requests have a price, and how many figures are estimates."""

    requests: int = 0
    priced: int | None = None
    estimated: int | None = None
    unpriced_models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cache:
    """The prompt cache: shares are 0–1, None where nobody said."""

    hit_rate: Decimal | None = None
    attainable: Decimal | None = None
    write_share_usd: Decimal | None = None
    write_share_tokens: Decimal | None = None
    cold_calls: Mapping[str, int] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        """Whether there is anything to show."""
        shares = (self.hit_rate, self.attainable, self.write_share_usd, self.write_share_tokens)
        return bool(self.cold_calls) or any(share is not None for share in shares)


@dataclass(frozen=True, slots=True)
class Screen:
    """Everything the dashboard says of a period; amounts USD."""

    period: str
    start: str
    end: str
    today: str
    bars: Sequence[Bar]
    total: Decimal
    month: Decimal
    unit: UnitCost | None
    waste: Sequence[Share]
    score: Decimal | None
    coverage: Coverage
    cache: Cache
    budget: Budget | None = None
    limits: Sequence[Limit] = ()
    forecast: Forecast | None = None
    levers: Sequence[Mapping[str, Any]] = ()
    alerts: Sequence[Mapping[str, Any]] = ()
    reporters: Mapping[str, str] = field(default_factory=dict)
    score_reason: str | None = None
    pending: int = 0
    note: str = ""  # why there is nothing to show
    unpriced_actions: Set[str] = frozenset()  # none of whose calls has a price
    plans: Decimal = Decimal(0)  # list equivalent of this month's flat plans, USD

    @property
    def newest(self) -> Bar | None:
        """The last day with anything on it."""
        return self.bars[-1] if self.bars else None

    @property
    def worst_alerts(self) -> list[Mapping[str, Any]]:
        """The alerts, gravest first."""
        return sorted(self.alerts, key=lambda alert: -SEVERITIES.index(alert["severity"]))

    @property
    def waste_usd(self) -> Decimal:
        """What was wasted in the period."""
        return sum((share.usd for share in self.waste), Decimal(0))

    @property
    def waste_basis(self) -> str:
        """A sum is measured where all of its parts are."""
        return next((share.basis for share in self.waste if share.basis != "measured"), "measured")

    @property
    def priceless(self) -> bool:
        """Whether no call has a price: a zero would say that they cost nothing."""
        return bool(self.coverage.requests) and not (self.coverage.priced != 0 or self.total)

    @property
    def unpriced_models(self) -> Set[str]:
        """Models none of whose calls has a price."""
        priced = {name for bar in self.bars for name in bar.by_model}
        return set(self.coverage.unpriced_models) - priced

    @property
    def models(self) -> list[Share]:
        """By model, dearest first; at the end those without any price."""
        none = [Share(name, Decimal(0), Decimal(0)) for name in sorted(self.unpriced_models)]
        return [*shares(bar.by_model for bar in self.bars), *none]

    @property
    def actions(self) -> list[Share]:
        """By action, dearest first."""
        return shares(bar.by_action for bar in self.bars)


def shares(parts: Iterable[Mapping[str, Decimal]], basis: str = "measured") -> list[Share]:
    """Sums by name over all parts, dearest first, each with its part of the whole."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for part in parts:
        for name, usd in part.items():
            sums[name] += usd
    whole = sum(sums.values(), Decimal(0))
    ordered = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    return [Share(name, usd, usd / whole if whole else Decimal(0), basis) for name, usd in ordered]


def series(bars: Sequence[Bar], split: str) -> dict[str, list[float]]:
    """Rows of a stacked chart by `waste`, `model` or `action`; floats, for showing only."""
    if split == "waste":
        return {
            "useful": [float(max(bar.usd - bar.waste_usd, Decimal(0))) for bar in bars],
            "wasted": [float(bar.waste_usd) for bar in bars],
        }
    parts = [bar.by_model if split == "model" else bar.by_action for bar in bars]
    # A report may have its own "(other)": it joins the rest here, or the rest would replace it.
    top = [share.name for share in shares(parts) if share.name != OTHER][:SHOWN_NAMES]
    rows = {name: [float(part.get(name, 0)) for part in parts] for name in top}
    rest = [float(sum((u for n, u in part.items() if n not in top), Decimal(0))) for part in parts]
    return {**rows, OTHER: rest} if any(rest) else rows
