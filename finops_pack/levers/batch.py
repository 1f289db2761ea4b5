"""Batch: calls that nobody waits for, at the batch price of the table.

A call qualifies when its task was started by a clock (`cron`, `heartbeat`) and made at most
three calls: a longer chain would wait for a batch at every step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from finops_pack.levers._lever import Lever, Tally, Work
from finops_pack.model import Call

UNATTENDED = ("cron", "heartbeat")
CHAIN_LIMIT = 3


def find(work: Work) -> Iterable[Lever]:
    """One lever a model whose unattended calls have a batch price on file."""
    chain = Counter(call.task for call in work.calls if call.task)
    saved = Tally()
    for call in work.calls:
        if chain[call.task or ""] <= CHAIN_LIMIT and _can_wait(work, call):
            batch = work.price(call, processing="batch")
            if batch is not None:
                saved.add(call.model, call.amount_usd - batch, call)
    for model, usd, calls in saved:
        yield from work.lever(
            "batch",
            "Send unattended calls as a batch",
            usd,
            calls,
            f"{len(calls)} calls to {model} were started by a clock; as a batch they cost less",
            low=usd / 2,
            basis="estimated",
            effort="workflow",
            assumption="nobody waits for these answers within 24 hours; the same tokens",
            subject=model,
            scope={"model": model},
        )


def _can_wait(work: Work, call: Call) -> bool:
    waiting = call.task is None or call.processing == "batch"
    return not waiting and work.trigger(call) in UNATTENDED
