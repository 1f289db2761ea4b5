"""What calls belong to: tasks, and the segments of a session's context."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from finops_pack.model.words import Basis, Outcome


@dataclass(frozen=True, slots=True)
class Task:
    """One run of the user's work, with the running totals of its calls (USD exact)."""

    id: str
    start_us: int
    end_us: int | None = None
    parent: str | None = None
    project: str | None = None
    session: str | None = None
    trigger: str | None = None
    trigger_basis: Basis = "measured"
    outcome: Outcome | None = None
    calls: int = 0
    unpriced_calls: int = 0
    usd: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of context that stood in a session's prompts; no text, only its measure.

    `kind` is `system`, `user`, `tool_result`, `retrieved`, `tool_schema`, `memory` or
    `other`; `p_unused` None means unknown; `calls_held` counts the calls it was sent in.
    """

    session: str
    id: str
    kind: str
    tokens: int
    first_call: str
    last_call: str
    calls_held: int = 1
    p_unused: float | None = None
    source: str | None = None
    task: str | None = None
