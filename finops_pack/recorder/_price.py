"""What a row costs: its counts and its price, put into it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finops_pack.ledger import Line
from finops_pack.model import TOKEN_FIELDS, Usage
from finops_pack.model.usage import numbers
from finops_pack.rates import price_pico

PRICED_BY = ("processing", "service_tier", "region")


def price(row: dict[str, Any], usage: Usage) -> int:
    """Put `usage` and its cost into the row; what of it is priced, in pico-USD.

    Counts that are zero are left out. The model that served is priced, else the one that was
    asked for.
    """
    if usage.input_tokens:
        row["input_tokens"] = usage.input_tokens
    if usage.output_tokens:
        row["output_tokens"] = usage.output_tokens
    if usage.cache_read_tokens:
        row["cache_read_tokens"] = usage.cache_read_tokens
    if usage.cache_write_5m_tokens:
        row["cache_write_5m_tokens"] = usage.cache_write_5m_tokens
    if usage.cache_write_1h_tokens:
        row["cache_write_1h_tokens"] = usage.cache_write_1h_tokens
    if usage.reasoning_tokens:
        row["reasoning_tokens"] = usage.reasoning_tokens
    if usage.extra and isinstance(usage.extra, Mapping):
        row["extra"] = dict(usage.extra)
    named = None
    if "service_tier" in row or "processing" in row or "region" in row:
        named = {key: row[key] for key in PRICED_BY if key in row}
    served, asked = row.get("served_model"), row["model"]
    provider, at_us = row.get("provider"), row["start_us"]
    pico, state, rate_id, missing = price_pico(served or asked, usage, provider, at_us, named)
    if state == "priced":
        row["cost_pico"], row["cost_state"], row["rate_id"] = pico, state, rate_id
        return pico or 0
    if state == "unpriced" and served and served != asked:
        pico, state, rate_id, missing = price_pico(asked, usage, provider, at_us, named)
    if state != "unpriced":
        row["cost_pico"], row["cost_state"], row["rate_id"] = pico, state, rate_id
    if usage.problems:  # what is not sound is never priced
        row["problems"] = usage.problems
        _drop_texts(row)
    if missing:
        row["missing"] = missing
    return pico or 0


def _drop_texts(row: dict[str, Any]) -> None:
    """What stands where a count belongs is named among the problems, and written nowhere."""
    kept = numbers(row)
    for name in TOKEN_FIELDS:
        if name not in kept:
            row.pop(name, None)
    if "extra" in row:
        row["extra"] = numbers(row["extra"])


def priced(line: Line) -> Line:
    """A call's line with its cost, unless it has one already; any other line as it is."""
    if line.get("type") != "call" or "cost_state" in line:
        return line
    row = dict(line)
    usage = Usage(**{name: row[name] for name in (*TOKEN_FIELDS, "extra") if name in row})
    price(row, usage)
    return row
