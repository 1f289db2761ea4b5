"""What came of a way of calling, in a word."""

from __future__ import annotations

from decimal import Decimal

from finops_pack.model import Call, Usage

Exact = tuple[Usage, Decimal]
GPT: Exact = (Usage(1000, 200, 600, reasoning_tokens=50), Decimal("0.00375"))
CLAUDE: Exact = (Usage(1000, 200, 600, 200, 100), Decimal("0.00805"))
EMBEDDING: Exact = (Usage(8, 0), Decimal("0.00000016"))


def judge(exact: Exact, way: str, http: int, rows: list[Call]) -> str:
    """HTTP calls, and what their rows say: `3 exact`, `1 estimated`, or what is missed."""
    tries = sum(row.attempts for row in rows if row.reached_provider)
    if tries != http:
        return f"{http} asked, {tries} SEEN"
    if not rows:
        return "0"
    exact = EMBEDDING if way == "embedding" else exact
    return f"{http} {', '.join(sorted({_word(row, exact) for row in rows}))}"


def _word(row: Call, exact: Exact) -> str:
    if row.status == "cache_hit":
        return "a hit is free"
    if row.status == "error" and row.error_type and not row.input_tokens:
        return "error, $0" if row.amount_usd == 0 else "WRONG"
    if row.usage_basis != "measured":
        return row.usage_basis
    return "exact" if (row.usage, row.amount_usd) == exact else "WRONG"
