"""Batch: calls that nobody waits for, at the batch price of the table.

A call qualifies when its task was started by a clock (`cron`, `heartbeat`) and made at most
three calls: a longer chain would wait for a batch at every step. Where very many qualify, the
batch price of a sample says what all of them save.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from finops_pack.levers._found import Found, Tally
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
                if call.context.get("processing") != "batch":
                    self._waiting[call.model, run.start].add(call)

    def levers(self) -> Iterable[Lever]:
        """By model, now that all rhythms are known."""
        saved = Tally()
        for (model, start), sample in self._waiting.items():
            if self.work.trigger(start) in CLOCK:
                saved.add(model, self._saved(sample))
        for model, found in saved:
            yield from self._lever(model, found)

    def _saved(self, sample: Sample) -> Found:
        found, kept = Found(), sample.kept()
        for call in kept:
            usd = self._saving(call)
            if usd > 0:
                found.usd += usd
                found.note((call.start_us, call.id), call.id)
        found.usd = sample.of_all(found.usd)
        found.count = found.count * sample.count // len(kept)
        return found

    def _saving(self, call: Brief) -> Decimal:
        context = {**call.context, "processing": "batch"}
        batch = call.cost(self.work.facts, call.served_model, context)
        return Decimal(0) if batch is None else call.usd - batch

    def _lever(self, model: str, found: Found) -> list[Lever]:
        return self.work.lever(
            "batch",
            "Send unattended calls as a batch",
            found.usd,
            found.calls,
            f"{found.count} calls to {model} were started by a clock; as a batch they cost less",
            low=found.usd / 2,
            basis="estimated",
            effort="workflow",
            assumption="nobody waits for these answers within 24 hours; the same tokens",
            subject=model,
            scope={"model": model},
        )
