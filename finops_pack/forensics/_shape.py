"""Relations rather than failures: what latency goes with, and what errors cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from finops_pack.model import Call
from finops_pack.money import from_pico, plain
from finops_pack.stats import quantile, spearman

MINIMUM_CALLS = 20


@dataclass(frozen=True, slots=True)
class Relation:
    """One (model, action): rank correlation of seconds with tokens, and the dollars of errors."""

    model: str
    action: str
    calls: int
    p50_ms: float | None
    p95_ms: float | None
    latency_output: float | None
    latency_input: float | None
    errors: int
    error_usd: str
    usd: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {name: getattr(self, name) for name in self.__slots__}


def relations(calls: Iterable[Call]) -> list[Relation]:
    """A row for each (model, action) with at least twenty calls, most calls first."""
    groups: dict[tuple[str, str], list[Call]] = defaultdict(list)
    for call in calls:
        if call.reached_provider:
            groups[(call.served_model or call.model, call.action or "")].append(call)
    rows = [_row(*key, g) for key, g in groups.items() if len(g) >= MINIMUM_CALLS]
    return sorted(rows, key=lambda row: (-row.calls, row.model, row.action))


def _row(model: str, action: str, calls: list[Call]) -> Relation:
    timed = [call for call in calls if call.duration_ms is not None]
    seconds = [float(call.duration_ms or 0) for call in timed]
    failed = [call for call in calls if call.status == "error" or call.verifier]
    return Relation(
        model=model,
        action=action,
        calls=len(calls),
        p50_ms=quantile(seconds, 0.5) if seconds else None,
        p95_ms=quantile(seconds, 0.95) if seconds else None,
        latency_output=spearman(seconds, [float(call.output_tokens) for call in timed]),
        latency_input=spearman(seconds, [float(call.input_tokens) for call in timed]),
        errors=len(failed),
        error_usd=plain(from_pico(sum(call.amount_pico for call in failed))),
        usd=plain(from_pico(sum(call.amount_pico for call in calls))),
    )
