"""Workflow: a long context compressed while its cache is warm is not written again after a pause.

Counted are rewrites after the cache had expired: what they paid for the lost prefix, less the
summary that is sent in its place, and less making it: one read of the prompt and its output.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from decimal import Decimal

from finops_pack.levers._lever import Lever, Tally, Work
from finops_pack.model import Call

SUMMARY_TOKENS = 2000


def find(work: Work) -> Iterable[Lever]:
    """One lever a model whose sessions go on after their cache has expired."""
    saved = Tally()
    for model, calls in work.sessions():
        for before, call in itertools.pairwise(calls):
            saved.add(model, _saving(work, before, call), call)
    for model, usd, calls in saved:
        yield from work.lever(
            "workflow",
            "Compress the context before the cache expires",
            usd,
            calls,
            f"{len(calls)} calls to {model} paid for their whole context again after a pause; "
            "compress it while it is warm",
            low=usd / 2,
            basis="estimated",
            effort="automatic",
            assumption=f"a summary of {SUMMARY_TOKENS:,} tokens stands in for the context",
            subject=model,
            scope={"model": model},
        )


def _saving(work: Work, before: Call, call: Call) -> Decimal:
    """USD that one rewrite would have cost less; at most 0 where it was none, or a short one."""
    rules = work.facts.cache_rules(call.provider, call.model, call.started_at)
    read, output = work.per_token(call, "cache_read"), work.per_token(call, "output")
    paid = work.per_token(call, _kind(call))
    if rules is None or read is None or output is None or paid is None or not _cached(before):
        return Decimal(0)
    long = rules.long_ttl_seconds if before.cache_write_1h_tokens else None
    if call.start_us - before.start_us <= (long or rules.ttl_seconds) * 1_000_000:
        return Decimal(0)
    lost = min(before.input_tokens, call.input_tokens) - call.cache_read_tokens
    summary = before.input_tokens * read + SUMMARY_TOKENS * output
    return (lost - SUMMARY_TOKENS) * paid - summary


def _cached(call: Call) -> int:
    return call.cache_read_tokens + call.cache_write_5m_tokens + call.cache_write_1h_tokens


def _kind(call: Call) -> str:
    """What most of a rewritten prefix is paid as."""
    if call.cache_write_1h_tokens:
        return "cache_write_1h"
    return "cache_write_5m" if call.cache_write_5m_tokens else "input"
