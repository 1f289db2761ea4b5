"""Accepted levers: the saving that was measured since, beside the estimate."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from finops_pack import forks
from finops_pack.money import plain, shown
from finops_pack.query.period import Period

if TYPE_CHECKING:
    from finops_pack.levers import Saving
    from finops_pack.query.reader import Reader

BASELINE_DAYS = 30
DAY_US = 86_400_000_000


def measured(reader: Reader, key: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """What the lever is about, since it was accepted against the 30 days before."""
    with forks.barred():
        from finops_pack import levers

    accepted = datetime.fromisoformat(body["accepted_at"])
    scope = body.get("scope") or {}
    baseline = Period(accepted - timedelta(days=BASELINE_DAYS), accepted)
    before = levers.spent(levers.in_scope(reader.flow(baseline), scope))
    since = levers.spent(levers.in_scope(reader.flow(Period(accepted, None)), scope))
    measure: Literal["task", "day"] = "day" if body.get("measure") == "day" else "task"
    found = levers.saving(
        before,
        since,
        days_before=_days(before.first_us, accepted),
        days=max(1.0, (datetime.now(UTC) - accepted).total_seconds() / 86400),
        measure=measure,
    )
    return {
        "id": key,
        "title": body["title"],
        "accepted_at": body["accepted_at"],
        "scope": scope,
        "measure": measure,
        "estimated_saving_usd": body["estimated_saving_usd"],
        **_figures(found, since.tasks, before.tasks),
    }


def _days(first_us: int | None, until: datetime) -> float:
    """The days before `until` that calls since `first_us` stand for."""
    return 1.0 if first_us is None else max(1.0, (until.timestamp() * 1e6 - first_us) / DAY_US)


def _figures(found: Saving | None, tasks: int, before: int) -> dict[str, Any]:
    if found is None:
        return {
            "tasks": tasks,
            "baseline_tasks": before,
            "new_tasks": 0,
            "measured_saving_usd": None,
            "low_usd": None,
            "high_usd": None,
            "measured_text": "nothing yet: 5 tasks before and 5 since are needed",
        }
    usd, low, high = (Decimal(repr(round(x, 4))) for x in (found.usd, found.low, found.high))
    return {
        "tasks": found.tasks,
        "baseline_tasks": found.before,
        "new_tasks": found.new_tasks,
        "measured_saving_usd": plain(usd),
        "low_usd": plain(low),
        "high_usd": plain(high),
        "measured_text": f"{shown(usd)}/month ({shown(low)} to {shown(high)})",
    }
