"""Answers as short text: for people at a terminal and for agents alike."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from finops_pack.figures import bar, count, usd

if TYPE_CHECKING:
    from finops_pack.model import Totals
    from finops_pack.query.views import BudgetLine, BudgetView


def budget_lines(view: BudgetView) -> list[str]:
    """The answer in at most five lines, for people and agents alike."""
    said = [_line(line) for line in view.lines[:3]]
    if view.nothing:
        return [*said, *view.nothing.splitlines()][:5]
    spent = (
        f"spent {usd(view.today_usd)} today, {usd(view.week_usd)} this week, "
        f"{usd(view.month_usd)} this month"
    )
    if view.currency is not None:
        spent += f" = {view.currency.shown(view.month_usd)}"
    marks = [
        f"{calls:,} {word}"
        for calls, word in (
            (view.unpriced_calls - view.unseen_calls, "without a price, not in it"),
            (view.unseen_calls, "of unknown usage, not in it"),
            (view.partial_calls, "priced in part"),
            (view.estimated_calls, "estimated"),
        )
        if calls
    ]
    said.append(f"{spent} ({'; '.join(marks)})" if marks else spent)
    if view.subscription_usd:
        said.append(f"flat plans: {usd(view.subscription_usd)} list equivalent this month")
    if not view.lines:
        said.append('no budget is set; set one: finops budget set "5 USD/day"')
    return said[:5]


def outside(total: Totals) -> str:
    """What no figure of these calls holds, and where to read more; empty when all have a price."""
    parts = (
        (total.unpriced_calls, "no price: not in these dollars"),
        (total.partial_calls, "a price in part: the rest is not in these dollars"),
    )
    said = [
        f"{calls:,} of {total.calls:,} calls {'has' if calls == 1 else 'have'} {what}"
        for calls, what in parts
        if calls
    ]
    return "; ".join([*said, "names and mends: finops doctor"]) if said else ""


def estimated(total: Totals) -> str:
    """How many calls' tokens nobody counted; empty when all are measured."""
    calls = total.estimated_calls
    return f"tokens of {count(calls, 'call')} are estimated" if calls else ""


def left(line: BudgetLine) -> str:
    """`$4.50 left` or `over by $0.50`, in each face the same."""
    over = _over(line)
    return f"over by {usd(over)}" if over > 0 else f"{usd(line.remaining_usd)} left"


def _over(line: BudgetLine) -> Decimal:
    return line.spent_usd + line.reserved_usd - line.limit_usd


def _line(line: BudgetLine) -> str:
    if not line.clocked:
        return f"{line.spec}: {usd(line.limit_usd)} for each {line.window}"
    flat = line.named == ("billing", "subscription")
    parts = [f"{usd(line.spent_usd)} {'list equivalent' if flat else 'spent'}"]
    parts += [f"{usd(line.reserved_usd)} reserved"] if line.reserved_usd else []
    parts += [f"{usd(line.reserve_usd)} held back"] if line.reserve_usd else []
    if line.runs_out_at and _over(line) < 0:
        parts.append(f"runs out in {ahead(line.runs_out_at)} (estimated)")
    elif line.resets_at:
        parts.append(f"resets in {ahead(line.resets_at)}")
    used = (
        f"{bar(float(line.used), 10)} {int(line.used * 100)}%"  # 100 % is reached, not rounded to
    )
    return f"{line.spec}: {used}, {left(line)}; {', '.join(parts)}"


def ahead(moment: str, now: datetime | None = None) -> str:
    """`40 min`, `5 h`, `3 days` until an ISO-8601 moment; rounded down, so nobody is late."""
    span = datetime.fromisoformat(moment) - (now or datetime.now(UTC))
    minutes = max(0, int(span.total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
