"""What a call costs, line by line."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from finops_pack.model.words import CostState


@dataclass(frozen=True, slots=True)
class Component:
    """One line of a price: `quantity` units of `kind` at `usd_per_mtok` (or per `unit`)."""

    kind: str
    quantity: int
    usd_per_mtok: Decimal
    usd: Decimal
    unit: str = "tokens"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call costs. `usd` is None exactly when unpriced; components sum to `usd`."""

    state: CostState
    usd: Decimal | None = None
    rate_id: str | None = None
    components: tuple[Component, ...] = ()
    missing: tuple[str, ...] = ()
    reason: str | None = None
