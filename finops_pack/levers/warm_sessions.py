"""Workflow: tasks bundled into a session that is still warm read its prefix, not rewrite it.

A session counts when its first call wrote (or paid in full) a prefix that another session had
in the cache within the TTL: the same leading blocks, by keyed hash.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from finops_pack.levers._lever import Lever, Tally, Work
from finops_pack.model import Call


def find(work: Work) -> Iterable[Lever]:
    """One lever a project that starts cold sessions beside warm ones."""
    saved = Tally()
    last: dict[tuple[str, str], Call] = {}
    started: set[str] = set()
    for call in work.calls:
        if not call.session or not call.prefix_hashes:
            continue
        key = (call.served_model or call.model, call.prefix_hashes[0])
        before = last.get(key)
        if before and call.session not in started and before.session != call.session:
            saved.add(call.project or "", _cold_start(work, before, call), call)
        started.add(call.session)
        last[key] = call
    for project, usd, calls in saved:
        yield from work.lever(
            "workflow",
            "Bundle tasks into warm sessions",
            usd,
            calls,
            f"{len(calls)} sessions began cold while another with the same prefix was warm; "
            "continue there",
            low=usd / 2,
            basis="estimated",
            effort="workflow",
            assumption="the shared prefix blocks are read instead of written",
            subject=project,
            scope={"project": project},
        )


def _cold_start(work: Work, before: Call, call: Call) -> Decimal:
    """USD the first call paid for a prefix that was warm elsewhere."""
    rules = work.facts.cache_rules(call.provider, call.model, call.started_at)
    if rules is None or call.cache_read_tokens:
        return Decimal(0)
    gap_us = call.start_us - before.start_us
    tokens = call.input_tokens * _shared_blocks(before, call) // len(call.prefix_hashes)
    read = work.per_token(call, "cache_read")
    paid = work.per_token(call, "cache_write_5m" if call.cache_write_5m_tokens else "input")
    warm = gap_us <= rules.ttl_seconds * 1_000_000 and tokens >= rules.minimum_tokens
    return tokens * (paid - read) if warm and read is not None and paid else Decimal(0)


def _shared_blocks(one: Call, other: Call) -> int:
    shared = 0
    for a, b in zip(one.prefix_hashes, other.prefix_hashes, strict=False):
        if a != b:
            break
        shared += 1
    return shared
