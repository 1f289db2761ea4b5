"""Cache: writes that nobody reads cost a premium and give nothing: stop writing there."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from finops_pack.levers._lever import Lever, Tally, Work
from finops_pack.model import Call


def find(work: Work) -> Iterable[Lever]:
    """One lever an action whose sessions write a cache and end before it is read."""
    groups: dict[str, list[Call]] = {}
    for call in work.calls:
        groups.setdefault(call.session or call.task or call.id, []).append(call)
    read = _prefixes(call for call in work.calls if call.cache_read_tokens)
    premium = Tally()
    for calls in groups.values():
        # Another session may have read what this one wrote: by its first block we know.
        if any(call.cache_read_tokens for call in calls) or _prefixes(calls) & read:
            continue
        for call in calls:
            premium.add(call.action or call.model, _premium(work, call), call)
    for where, usd, calls in premium:
        yield from work.lever(
            "cache",
            "Stop writing caches that nobody reads",
            usd,
            calls,
            f"{len(calls)} calls of “{where}” wrote a cache that was never read; do not write it",
            basis="measured",
            effort="config",
            assumption="these sessions stay as short as they were",
            subject=where,
            scope={"action": where} if calls[0].action else {"model": where},
        )


def _prefixes(calls: Iterable[Call]) -> set[str]:
    return {call.prefix_hashes[0] for call in calls if call.prefix_hashes}


def _premium(work: Work, call: Call) -> Decimal:
    """What the call's writes cost above plain input, in USD."""
    full = work.per_token(call, "input")
    short = work.per_token(call, "cache_write_5m")
    long = work.per_token(call, "cache_write_1h")
    usd = Decimal(0)
    if full is not None and short is not None:
        usd += call.cache_write_5m_tokens * (short - full)
    if full is not None and long is not None:
        usd += call.cache_write_1h_tokens * (long - full)
    return usd
