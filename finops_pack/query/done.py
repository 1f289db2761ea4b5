"""Accepted levers: the saving that was measured since, beside the estimate."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops_pack.money import plain
from finops_pack.query.period import Period

if TYPE_CHECKING:
    from finops_pack.query.reader import Reader

MINIMUM_TASKS = 5
BASELINE_DAYS = 30
MONTH_DAYS = 30


def measured(reader: Reader, key: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Cost per task since against the 30 days before, the mix of tasks held still.

    Held still: each action weighs as it did before, so that a change of work is no saving.
    """
    accepted = datetime.fromisoformat(body["accepted_at"])
    before = _by_action(reader, Period(accepted - timedelta(days=BASELINE_DAYS), accepted))
    since = _by_action(reader, Period(accepted, None))
    days = max(1.0, (datetime.now(UTC) - accepted).total_seconds() / 86400)
    calls = sum(count for count, _ in since.values())
    row = {
        "id": key,
        "title": body["title"],
        "accepted_at": body["accepted_at"],
        "estimated_saving_usd": body["estimated_saving_usd"],
        "tasks": calls,
        "measured_saving_usd": None,
        "measured_text": "too little work since to say",
    }
    saving = _saving(before, since)
    if saving is not None and calls >= MINIMUM_TASKS:
        monthly = round(saving * Decimal(repr(MONTH_DAYS / days)), 2)
        row["measured_saving_usd"] = plain(monthly)
        row["measured_text"] = f"${plain(monthly)}/month"
    return row


def _by_action(reader: Reader, period: Period) -> dict[str, tuple[int, Decimal]]:
    """Action -> (calls, USD)."""
    rows = reader.spend("action", period).rows
    return {row.key or "": (row.calls, row.usd) for row in rows}


def _saving(
    before: Mapping[str, tuple[int, Decimal]], since: Mapping[str, tuple[int, Decimal]]
) -> Decimal | None:
    """USD that the calls since would have cost more at each action's old price a call."""
    known = [name for name in since if name in before and before[name][0]]
    if not known:
        return None
    saved = Decimal(0)
    for name in known:
        calls, usd = since[name]
        saved += before[name][1] / before[name][0] * calls - usd
    return saved
