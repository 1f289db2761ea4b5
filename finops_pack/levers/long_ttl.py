"""Cache: the one-hour TTL where pauses between 5 minutes and an hour force rewrites.

Counterfactual per session: every 5-minute write is paid at the 1-hour price, and what was
rewritten after such a pause is read instead. It often loses, so only sessions that would gain
are named; the others are better left on the short TTL.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from finops_pack.levers._lever import Lever, Tally, Work
from finops_pack.model import Call


def find(work: Work) -> Iterable[Lever]:
    """One lever a model whose sessions pause longer than the short cache lives."""
    gains = Tally()
    for model, calls in work.sessions():
        gains.add(model, _gain(work, calls), *calls)
    for model, usd, calls in gains:
        count = len({call.session for call in calls})
        yield from work.lever(
            "cache",
            "Use the one-hour cache where sessions pause",
            usd,
            calls,
            f"{count} sessions on {model} pause longer than the short cache lives; the one-hour "
            "cache there pays, premium included",
            low=Decimal(0),
            basis="estimated",
            effort="config",
            assumption="writes after a pause of 5 to 60 minutes become reads of the same prefix",
            subject=model,
            scope={"model": model},
        )


def _gain(work: Work, calls: Sequence[Call]) -> Decimal:
    rules = work.facts.cache_rules(calls[0].provider, calls[0].model, calls[0].started_at)
    read = work.per_token(calls[0], "cache_read")
    short = work.per_token(calls[0], "cache_write_5m")
    long = work.per_token(calls[0], "cache_write_1h")
    if rules is None or not rules.long_ttl_seconds or read is None or not short or not long:
        return Decimal(0)
    gain, before = Decimal(0), None
    for call in calls:
        rewritten = _rewritten(before, call, rules.ttl_seconds, rules.long_ttl_seconds)
        gain += rewritten * (short - read)
        gain -= (call.cache_write_5m_tokens - rewritten) * (long - short)
        before = call
    return gain


def _rewritten(before: Call | None, call: Call, ttl: int, long_ttl: int) -> int:
    """Tokens written anew only because the short TTL had run out."""
    if before is None:
        return 0
    gap = (call.start_us - before.start_us) / 1e6
    lost = max(0, min(before.input_tokens, call.input_tokens) - call.cache_read_tokens)
    return min(lost, call.cache_write_5m_tokens) if ttl < gap <= long_ttl else 0
