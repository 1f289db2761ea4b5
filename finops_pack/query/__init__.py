"""The one read API: `open()` a ledger and ask the `Reader`; `spend()`, `budget()` in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from finops_pack.query.period import Period
from finops_pack.query.reader import Reader
from finops_pack.query.views import BudgetLine, BudgetView, Spend

if TYPE_CHECKING:
    from finops_pack.waste import Waste

__all__ = ["BudgetLine", "BudgetView", "Period", "Reader", "Spend", "budget", "find_waste", "open"]
__all__ += ["spend"]

DRAIN_SECONDS = 0.25


def open(ledger_url: str | None = None) -> Reader:
    """A reader of this ledger (default: the settings'), drained first, within 250 ms.

    Raises `LedgerUnreachable` when it cannot be opened.
    """
    from finops_pack import config
    from finops_pack.ledger import open_ledger

    ledger = open_ledger(ledger_url or config.load().ledger)
    pending = ledger.drain(DRAIN_SECONDS)
    return Reader(ledger, pending)


def spend(
    by: str = "model",
    last: str | None = None,
    *,
    since: str | None = None,
    until: str | None = None,
    ledger: str | None = None,
    **where: Any,
) -> Spend:
    """What was spent, grouped: `spend(by="model", last="7d")`; a table in a notebook.

    `where` narrows: `project`, `task`, `session`, `agent`, `action`, `model`.
    Raises `InputError` for a period or group that cannot be read.
    """
    with open(ledger) as reader:
        return reader.spend(by, Period.of(last, since, until, zone=reader.zone), **where)


def budget(ledger: str | None = None) -> BudgetView:
    """What is left of each budget, and what was spent today, this week and this month."""
    with open(ledger) as reader:
        return reader.budget()


def find_waste(
    last: str | None = "7d",
    *,
    since: str | None = None,
    until: str | None = None,
    ledger: str | None = None,
    **where: Any,
) -> Waste:
    """The avoidable dollars by category, with evidence and mend."""
    with open(ledger) as reader:
        if since or until:
            last = None
        return reader.waste(Period.of(last, since, until, zone=reader.zone), **where)
