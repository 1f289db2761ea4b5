"""A period's tasks and calls, added up as they go by."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any
from zlib import crc32

from finops_pack.model import Call
from finops_pack.money import from_pico
from finops_pack.sessions import task_of
from finops_pack.stats import Top
from finops_pack.unit_prices import size_of

SAMPLE = 10_000  # task costs that are kept for the test of significance


class OfModel:
    """The calls to one model: tokens of each kind, and how many at which terms."""

    def __init__(self) -> None:
        self.calls = self.input = self.output = 0
        self._kinds = Counter[str]()
        self._terms = Counter[Any]()
        self._example: dict[Any, Call] = {}

    def add(self, call: Call) -> None:
        """Count one call."""
        self.calls += 1
        self.input += call.input_tokens
        self.output += call.output_tokens
        self._kinds["cache_read"] += call.cache_read_tokens
        self._kinds["cache_write_5m"] += call.cache_write_5m_tokens
        self._kinds["cache_write_1h"] += call.cache_write_1h_tokens
        self._kinds["input"] += call.usage.uncached_tokens
        when = call.day, call.rate_id, size_of(call.input_tokens)
        terms = (call.provider, call.processing, call.service_tier, call.region, when)
        self._terms[terms] += 1
        self._example.setdefault(terms, call)

    def cache_mix(self) -> dict[str, Decimal]:
        """Kind -> its share of the input tokens, 0-1."""
        total = Decimal(self.input)
        return {kind: n / total if total else Decimal(0) for kind, n in self._kinds.items()}

    def terms(self) -> Iterator[tuple[Call, int]]:
        """A call of each day, rate, tier and kind of contract, and how many there were like it."""
        return ((self._example[terms], count) for terms, count in self._terms.items())


class Account:
    """Tasks and their cost, and the calls by model; only calls that were priced.

    They come by task; a call without one is one of its own.
    """

    def __init__(self, tasks: Iterable[Sequence[Call]]) -> None:
        self.tasks = self.calls = 0
        self.usd = Decimal(0)
        self.models: defaultdict[str, OfModel] = defaultdict(OfModel)
        self._costs = Top[tuple[int, str, float]](SAMPLE, itemgetter(0, 1))
        for group in tasks:
            paid = [call for call in group if not call.unpriced]
            if paid:
                self._add(paid)

    def _add(self, task: Sequence[Call]) -> None:
        cost = from_pico(sum(call.amount_pico for call in task))
        self.tasks += 1
        self.calls += len(task)
        self.usd += cost
        name = task_of(task[0])
        # By a checksum of the name, so that the sample does not depend on the order.
        self._costs.add((crc32(name.encode()), name, float(cost)))
        for call in task:
            self.models[call.answered_by].add(call)

    @property
    def mean_usd(self) -> Decimal:
        """USD a task; 0 of none."""
        return self.usd / self.tasks if self.tasks else Decimal(0)

    def costs(self) -> list[float]:
        """USD of each task, of at most 10,000 of them."""
        return [cost for _, _, cost in self._costs]
