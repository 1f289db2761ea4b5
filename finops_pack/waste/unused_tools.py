"""Unused tools: schemas sent with every call of a session in which the tool was never called.

Exact in what was called, estimated in tokens (bytes / 4) and price: a schema stands at the start
of the prompt, so it is priced as read wherever the cache held that much.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from finops_pack.figures import count, tokens, usd
from finops_pack.model import Call, Finding
from finops_pack.waste._ground import Ground
from finops_pack.waste._held import holders, places_of, pooled
from finops_pack.waste._say import WITHOUT_PRICE, one_task, unknown

CATEGORY = "unused_tools"
ORDER = 55
LISTED = 10
MEND = "offer each agent only the tools that it needs, or let it search for tools"


def find(calls: Sequence[Call], ground: Ground) -> Iterable[Finding]:
    """At most one finding a session, and one for what is unknown in it."""
    offered = (s for s in ground.segments(calls) if s.kind == "tool_schema")
    places = places_of(calls)
    schemas = {s.source or "?": s for s in pooled(offered, places)}
    called = {str(asked.get("name")) for call in calls for asked in call.tool_calls}
    idle = {tool: schema for tool, schema in schemas.items() if tool not in called}
    wanted: dict[str, tuple[Call, int]] = {}
    for schema in idle.values():
        for call in holders(schema, calls, places):
            wanted[call.id] = (call, wanted.get(call.id, (call, 0))[1] + schema.tokens)
    paid = {
        key: ground.taken.claim(call, held * _price(call, held, ground))
        for key, (call, held) in wanted.items()
    }
    total = sum(paid.values(), Decimal(0))
    if total:
        involved = [call for call, _ in wanted.values() if paid[call.id]]
        size = sum(schema.tokens for schema in idle.values())
        yield _finding(sorted(idle), len(schemas), size, involved, total)
    blind = [item for item in wanted.values() if not ground.priced(item[0])]
    sent = sum(held for _, held in blind)
    yield from unknown(CATEGORY, WITHOUT_PRICE, [call for call, _ in blind], sent)


def _price(call: Call, held: int, ground: Ground) -> Decimal:
    return ground.cached(call) if call.cache_read_tokens >= held else ground.fresh(call)


def _finding(
    idle: Sequence[str], offered: int, size: int, involved: Sequence[Call], total: Decimal
) -> Finding:
    more = f" and {len(idle) - LISTED} more" if len(idle) > LISTED else ""
    were = "was" if len(idle) == 1 else "were"
    return Finding(
        category=CATEGORY,
        title=f"{len(idle)} of {count(offered, 'tool')} offered {were} never called",
        calls=tuple(call.id for call in involved),
        usd=total,
        basis="estimated",
        confidence=0.8,
        evidence=(
            f"never called in this session: {', '.join(idle[:LISTED])}{more}",
            f"their schemas are {tokens(size)} tokens in each of {count(len(involved), 'call')}: "
            f"{usd(total)}",
        ),
        mend=MEND,
        task=one_task(involved),
    )
