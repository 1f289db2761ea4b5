"""Batch: calls that nobody waits for, at the batch price of the table.

A call qualifies when its task was started by a clock (`cron`, `heartbeat`) and made at most
three calls: a longer chain would wait for a batch at every step. Where very many qualify, the
batch price of a sample says what all of them save.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from finops_pack.figures import count
from finops_pack.levers._found import EVIDENCE_CALLS, Found
from finops_pack.levers._lever import Lever, Work
from finops_pack.levers._rhythm import Start
from finops_pack.levers._runs import CLOCK, Run
from finops_pack.levers._sample import Brief, Sample
from finops_pack.levers._search import LeverSearch


class Search(LeverSearch):
    """One lever a model whose unattended calls have a batch price on file."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._waiting: dict[tuple[str, Start], Sample] = defaultdict(Sample)

    def ended(self, run: Run) -> None:
        """Keep the calls of a short chain that a clock may have started."""
        if run.may_be_clocked:
            for call in run.short:
                if call.processing != "batch":
                    self._waiting[call.served_model, run.start].add(call)

    def levers(self) -> Iterable[Lever]:
        """By model, now that all rhythms are known."""
        saved: dict[str, Found] = {}
        for (model, start), sample in self._waiting.items():
            if self.work.rhythm.trigger(start) in CLOCK:
                saved.setdefault(model, Found()).merge(self._saved(sample))
        for model, found in saved.items():
            yield from self._lever(model, found)

    def _saved(self, sample: Sample) -> Found:
        kept = [(call, self._saving(call)) for call in sample.kept()]
        gains = [(call, usd) for call, usd in kept if usd > 0]
        return Found(
            sample.of_all(sum((usd for _, usd in gains), Decimal(0))),
            sample.count * len(gains) // len(kept),
            first=[((call.start_us, call.id), call.id) for call, _ in gains[:EVIDENCE_CALLS]],
        )

    def _saving(self, call: Brief) -> Decimal:
        batch = call.cost(self.work.facts, call.served_model, call.as_batch)
        return Decimal(0) if batch is None else call.usd - batch

    def _lever(self, model: str, found: Found) -> list[Lever]:
        return self.work.on_model(
            model,
            found,
            "batch",
            "Send unattended calls as a batch",
            f"{count(found.count, 'call')} to {model}, started by a clock, would cost less as a "
            "batch",
            low=found.usd / 2,
            effort="workflow",
            assumption="nobody waits for these answers within 24 hours; the same tokens",
        )
