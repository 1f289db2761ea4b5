"""Relations rather than failures: what latency goes with, and what errors cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any
from zlib import crc32

from finops_pack.model import Call
from finops_pack.money import from_pico, plain
from finops_pack.stats import Top, quantile, spearman

MINIMUM_CALLS = 20
SAMPLE = 5_000


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


class _Group:
    """The calls of one (model, action): counted all, a sample of them timed."""

    def __init__(self) -> None:
        self.calls = self.errors = self.error_pico = self.pico = 0
        # By a checksum of the id, so that the sample does not depend on the order of the calls.
        self._timed = Top[tuple[int, int, int, int]](SAMPLE, itemgetter(0))

    def add(self, call: Call) -> None:
        self.calls += 1
        self.pico += call.amount_pico
        if call.status == "error" or call.verifier:
            self.errors += 1
            self.error_pico += call.amount_pico
        if call.duration_ms is not None:
            place = crc32(call.id.encode())
            self._timed.add((place, call.duration_ms, call.output_tokens, call.input_tokens))

    def row(self, model: str, action: str) -> Relation:
        timed = list(self._timed)
        ms, output, input_ = ([float(one[n]) for one in timed] for n in (1, 2, 3))
        return Relation(
            model=model,
            action=action,
            calls=self.calls,
            p50_ms=quantile(ms, 0.5) if ms else None,
            p95_ms=quantile(ms, 0.95) if ms else None,
            latency_output=spearman(ms, output),
            latency_input=spearman(ms, input_),
            errors=self.errors,
            error_usd=plain(from_pico(self.error_pico)),
            usd=plain(from_pico(self.pico)),
        )


def relations(calls: Iterable[Call]) -> list[Relation]:
    """A row for each (model, action) with at least twenty calls, most calls first.

    Latency is that of at most 5,000 calls of each.
    """
    groups: defaultdict[tuple[str, str], _Group] = defaultdict(_Group)
    for call in calls:
        if call.reached_provider:
            groups[call.answered_by, call.action or ""].add(call)
    rows = [group.row(*key) for key, group in groups.items() if group.calls >= MINIMUM_CALLS]
    return sorted(rows, key=lambda row: (-row.calls, row.model, row.action))
