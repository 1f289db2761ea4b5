"""The provider's cache facts at a call, asked once a model and day."""

from __future__ import annotations

from finops_pack.model import CacheRules, Call, Facts

DAY_US = 86_400_000_000


class Rules:
    """The cache facts of calls; keeps 100,000 calls in seconds."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._known: dict[tuple[str | None, str, int], CacheRules | None] = {}

    def of(self, call: Call) -> CacheRules | None:
        """Those of the call's provider and model on its day; None when not on file."""
        key = (call.provider, call.model, call.start_us // DAY_US)
        if key not in self._known:
            found = self._facts.cache_rules(call.provider, call.model, call.started_at)
            self._known[key] = found
        return self._known[key]
