"""What a row costs: its counts and its price, put into it."""

from __future__ import annotations

from typing import Any

from finops_pack.ledger import Line
from finops_pack.model import TOKEN_FIELDS, Usage
from finops_pack.rates import bills, price_pico

__all__ = ["PRICED_BY", "bills", "count", "price", "priced"]

PRICED_BY = ("processing", "service_tier", "region")


def count(row: dict[str, Any], usage: Usage) -> None:
    """Put the counts into the row that are not zero."""
    total, out, thought = usage.input_tokens, usage.output_tokens, usage.reasoning_tokens
    read, short, long = (
        usage.cache_read_tokens,
        usage.cache_write_5m_tokens,
        usage.cache_write_1h_tokens,
    )
    if total:
        row["input_tokens"] = total
    if out:
        row["output_tokens"] = out
    if read:
        row["cache_read_tokens"] = read
    if short:
        row["cache_write_5m_tokens"] = short
    if long:
        row["cache_write_1h_tokens"] = long
    if thought:
        row["reasoning_tokens"] = thought
    if usage.extra:
        row["extra"] = dict(usage.extra)


def price(row: dict[str, Any], usage: Usage) -> int:
    """Put the cost of `usage` into the row; what of it is priced, in pico-USD.

    The model that served is priced, else the one that was asked for.
    """
    named = None
    if "service_tier" in row or "processing" in row or "region" in row:
        named = {key: row[key] for key in PRICED_BY if key in row}
    served, asked = row.get("served_model"), row["model"]
    found = price_pico(served or asked, usage, row.get("provider"), row["start_us"], named)
    if found[1] == "unpriced" and served and served != asked:
        found = price_pico(asked, usage, row.get("provider"), row["start_us"], named)
    pico, state, rate_id, missing = found
    if pico is not None:
        row["cost_pico"] = pico
    if state != "unpriced":
        row["cost_state"] = state
    if state != "priced" and usage.problems:  # what is not sound is never priced
        row["problems"] = usage.problems
    if rate_id is not None:
        row["rate_id"] = rate_id
    if missing:
        row["missing"] = missing
    return pico or 0


def priced(line: Line) -> Line:
    """A call's line with its cost, unless it has one already; any other line as it is."""
    if line.get("type") != "call" or "cost_state" in line:
        return line
    row = dict(line)
    usage = Usage(**{name: row[name] for name in (*TOKEN_FIELDS, "extra") if name in row})
    count(row, usage)
    price(row, usage)
    return row
