"""Cache: prompts that repeat but were never cached, at a provider that caches on request.

What repeats is taken from the calls themselves: a call's prompt holds at least the prompt of
the session's call before it, as long as it did not shrink. Only gaps within the TTL count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from finops_pack.levers._lever import Lever, Tally, Work
from finops_pack.model import Call


def find(work: Work) -> Iterable[Lever]:
    """One lever a model whose sessions resend their prompts at the full price."""
    saved = Tally()
    for model, calls in work.sessions():
        if not any(_cached(call) for call in calls):
            saved.add(model, _saving(work, calls), *calls)
    for model, usd, calls in saved:
        yield from work.lever(
            "cache",
            "Set cache breakpoints",
            usd,
            calls,
            f"{len(calls)} calls to {model} resent their prompts uncached; set cache breakpoints",
            low=usd / 2,
            basis="estimated",
            effort="config",
            assumption="each prompt extends the one before it; writes at the 5-minute price",
            subject=model,
            scope={"model": model},
        )


def _cached(call: Call) -> int:
    return call.cache_read_tokens + call.cache_write_5m_tokens + call.cache_write_1h_tokens


def _saving(work: Work, calls: Sequence[Call]) -> Decimal:
    """Reads gained less write premiums paid, in USD; 0 where the provider caches by itself."""
    rules = work.facts.cache_rules(calls[0].provider, calls[0].model, calls[0].started_at)
    full = work.per_token(calls[0], "input")
    read = work.per_token(calls[0], "cache_read")
    write = work.per_token(calls[0], "cache_write_5m")
    if rules is None or not rules.explicit or full is None or read is None or write is None:
        return Decimal(0)
    saved, before = Decimal(0), None
    for call in calls:
        held = 0
        if before and call.start_us - before.start_us <= rules.ttl_seconds * 1_000_000:
            held = min(before.input_tokens, call.input_tokens)
        if call.input_tokens >= rules.minimum_tokens:
            held = held if held >= rules.minimum_tokens else 0
            saved += held * (full - read) - (call.input_tokens - held) * (write - full)
        before = call
    return saved
