"""Facts from a small table, and calls priced by it, for tests of the analyses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from finops_pack.model import CacheRules, Call, Cost, Segment, Task, Usage
from finops_pack.money import to_pico

START_US = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1e6)
MINUTE_US = 60_000_000
PRICES: dict[
    str, tuple[str, ...]
] = {  # USD per million: input, cache read, 5m write, 1h write, output
    "big": ("3", "0.30", "3.75", "6", "15"),
    "small": ("0.30", "0.03", "0.375", "0.60", "1.50"),
}


class Table:
    """Facts from a small table; big and small stand in for each other."""

    def __init__(
        self,
        prices: Mapping[str, tuple[str, ...]] = PRICES,
        tasks: Mapping[str, Task] | None = None,
    ) -> None:
        self._prices = prices
        self._tasks = tasks or {}

    def price(
        self,
        model: str,
        usage: Usage,
        *,
        provider: str | None = None,
        at: datetime | None = None,
        context: Mapping[str, str] | None = None,
    ) -> Cost:
        if model not in self._prices:
            return Cost("unpriced")
        rates = [Decimal(p) for p in self._prices[model]]
        counts = (
            usage.uncached_tokens,
            usage.cache_read_tokens,
            usage.cache_write_5m_tokens,
            usage.cache_write_1h_tokens,
            usage.output_tokens,
        )
        usd = sum((r * n for r, n in zip(rates, counts, strict=True)), Decimal(0)) / 10**6
        half = (context or {}).get("processing") == "batch"
        return Cost("priced", usd / 2 if half else usd)

    def cache_rules(self, provider: str | None, model: str, at: datetime) -> CacheRules:
        return CacheRules(1024, 300, 3600, explicit=True)

    def alternatives(self, model: str, provider: str | None) -> Sequence[str]:
        return [name for name in self._prices if name != model]

    def segments(self, sessions: Iterable[str]) -> Sequence[Segment]:
        return ()

    def tasks(self, ids: Iterable[str]) -> Mapping[str, Task]:
        return self._tasks


FACTS = Table()


def call(minute: float, *, model: str = "big", facts: Table = FACTS, **fields: Any) -> Call:
    """A call that began `minute` minutes into the first of March, priced by the table."""
    fields.setdefault("id", f"c{minute}")
    made = Call(start_us=START_US + int(minute * MINUTE_US), model=model, **fields)
    cost = facts.price(model, made.usage, context=made.context)
    pico = None if cost.usd is None else to_pico(cost.usd)
    return replace(made, cost_pico=pico, cost_state=cost.state)


def side_by_side(steps: int = 6) -> list[Call]:
    """Two agents of one name, started by one call, that read the same files, each in a warm cache.

    The prompts of the second are larger; no token is sent twice, nothing is told twice to one.
    """
    one = {"session": "s", "task": "t"}
    made = [call(0, id="main", agent="main", tool_calls=[{"id": "t1", "name": "Task"}], **one)]
    for agent, size in (("a", 10_000), ("b", 40_000)):
        for step in range(steps):
            use = {"id": f"{agent}{step}", "name": "read", "args_hash": f"{step}"}
            told = {"tool_call_id": f"{agent}{step - 1}", "result_hash": f"{step - 1}"}
            fields: dict[str, Any] = {
                "input_tokens": size * (step + 1),
                "cache_read_tokens": size * step,
                "cache_write_5m_tokens": size,
                "tool_calls": [use] if step < steps - 1 else [],
                "tool_results": [told] if step else [],
                "agent": "explore",
                "action": "read",
                "parent": "main",
            }
            minute = 1 + step + 0.5 * (agent == "b")
            made.append(call(minute, id=f"{agent}{step}", **fields, **one))
    return sorted(made, key=lambda c: c.start_us)
