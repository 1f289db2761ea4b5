"""What analyses may know beside the calls: rates, cache facts, tasks, segments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from finops_pack.model import CacheRules, Cost, Segment, Task, Usage
from finops_pack.query.absent import Books


class LedgerFacts:
    """`model.Facts` from the ledger and the rate tables in force."""

    def __init__(self, ledger: Books) -> None:
        self._ledger = ledger
        self._rules: dict[tuple[str | None, str, str], CacheRules | None] = {}

    def price(
        self,
        model: str,
        usage: Usage,
        *,
        provider: str | None = None,
        at: datetime | None = None,
        context: Mapping[str, str] | None = None,
    ) -> Cost:
        """The price of such a call by the tables in force."""
        from finops_pack import rates

        return rates.price(model, usage, provider=provider, at=at, context=context)

    def cache_rules(self, provider: str | None, model: str, at: datetime) -> CacheRules | None:
        """The provider's cache facts on that day."""
        from finops_pack import rates

        key = (provider, model, at.date().isoformat())
        if key not in self._rules:
            self._rules[key] = rates.cache_rules(provider, model, at)
        return self._rules[key]

    def alternatives(self, model: str, provider: str | None) -> Sequence[str]:
        """Cheaper models of the same table."""
        from finops_pack import rates

        return rates.alternatives(model, provider)

    def segments(self, sessions: Iterable[str]) -> Sequence[Segment]:
        """The context segments of these sessions."""
        return self._ledger.segments(list(sessions))

    def tasks(self, ids: Iterable[str]) -> Mapping[str, Task]:
        """The rows of these tasks."""
        return {task.id: task for task in self._ledger.tasks_of(sorted(set(ids)))}
