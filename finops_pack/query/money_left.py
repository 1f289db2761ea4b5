"""What is left: the budgets in force, what stands against each, and when it runs out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING

from finops_pack import config
from finops_pack.budgets import CLOCKED, Budget, bounds, parse
from finops_pack.ledger import documents
from finops_pack.model import Totals, Where
from finops_pack.money import from_pico
from finops_pack.query.currency import chosen
from finops_pack.query.period import iso
from finops_pack.query.views import BudgetLine, BudgetView

if TYPE_CHECKING:
    from finops_pack.query.absent import Books


def budgets(ledger: Books) -> list[Budget]:
    """Those set in the ledger, then those of the settings, which win over the same scope.

    One that cannot be read holds nothing, as at the gate: it is told, and the others are shown.
    """
    found = documents.sound(ledger.url, "budget", ledger.documents("budget"))
    stored = map(Budget.from_dict, found.values())
    settings = config.load()
    origin = settings.sources.get("budget", "budget")
    written = (parse(spec, origin) for spec in settings.budget)
    merged = {budget.id: budget for budget in (*stored, *written)}
    return list(merged.values())


def view(
    ledger: Books, zone: tzinfo, pending: int, *, nothing: str = "", now: datetime | None = None
) -> BudgetView:
    """All budgets with what was spent against them, tightest first."""
    now = now or datetime.now(UTC)
    lines = [line_of(ledger, budget, now, zone) for budget in budgets(ledger)]
    since = {window: bounds(window, now, zone)[0] for window in ("day", "week", "month")}
    spent = {window: _total(ledger, start) for window, start in since.items()}
    plans = _total(ledger, since["month"], subscription=True)
    return BudgetView(
        lines=tuple(sorted(lines, key=lambda line: (line.window not in CLOCKED, -line.used))),
        today_usd=spent["day"].usd,
        week_usd=spent["week"].usd,
        month_usd=spent["month"].usd,
        calls_today=spent["day"].calls,
        unpriced_calls=spent["month"].unpriced_calls,
        unseen_calls=spent["month"].unseen_calls,
        partial_calls=spent["month"].partial_calls,
        estimated_calls=spent["month"].estimated_calls,
        subscription_usd=plans.usd,
        pending_calls=pending,
        nothing=nothing,
        currency=chosen(),
    )


def _total(ledger: Books, since: datetime | None, *, subscription: bool = False) -> Totals:
    where = Where(
        since_us=None if since is None else int(since.timestamp() * 1e6),
        billing="subscription" if subscription else None,
    )
    rows = ledger.totals(None, where)
    return rows[0] if rows else Totals()


def line_of(ledger: Books, budget: Budget, now: datetime, zone: tzinfo) -> BudgetLine:
    """One budget now. What is counted a call, task or session has no sum of its own."""
    booked, reserved = 0, 0
    if budget.window in CLOCKED:
        booked, reserved = ledger.spent(budget.where(now, zone))
    resets = budget.resets_at(now, zone)
    return BudgetLine(
        id=budget.id,
        spec=str(budget),
        window=budget.window,
        scope=budget.covers,
        hard=budget.hard,
        limit_usd=budget.limit_usd,
        spent_usd=from_pico(booked),
        reserved_usd=from_pico(reserved),
        unpriced=budget.unpriced,
        reserve_usd=budget.reserve_usd,
        named=budget.scope,
        resets_at=iso(resets),
        runs_out_at=iso(_runs_out(budget, from_pico(booked), now, zone, resets)),
    )


def _runs_out(
    budget: Budget, spent: Decimal, now: datetime, zone: tzinfo, resets: datetime | None
) -> datetime | None:
    """When the limit is reached at the window's pace so far; None if not before it resets."""
    start = bounds(budget.window, now, zone)[0]
    if start is None or spent <= 0:
        return None
    left = budget.limit_usd - spent
    if left <= 0:
        return now
    if resets is None:  # it rolls: as much leaves it as comes, at an even pace
        return None
    elapsed = (now - start).total_seconds()
    seconds = float(left / spent) * elapsed
    if seconds > 400 * 86400:
        return None
    moment = now + timedelta(seconds=seconds)
    return moment if moment < resets else None
