"""The one read API: `open()` a ledger and ask the `Reader`; `spend()`, `budget()` in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from finops_pack import forks
from finops_pack.errors import LedgerOutdated, LedgerUnreachable
from finops_pack.query.period import Period
from finops_pack.query.reader import Reader
from finops_pack.query.views import BudgetLine, BudgetView, Spend

if TYPE_CHECKING:
    from finops_pack.waste import Waste

__all__ = [
    "BudgetLine", "BudgetView", "Period", "Reader", "Spend", "budget", "find_waste", "open",
    "spend",
]  # fmt: skip

DRAIN_SECONDS = 0.25


def open(ledger_url: str | None = None, *, prompts: bool = True) -> Reader:
    """A reader of this ledger (default: the settings'), drained first, within 250 ms.

    For analyses it waits as long for what this process still reads of its prompts; sums and
    budgets need none of that. It writes nothing unless calls wait in a spool, and makes no
    ledger where there is none.
    Raises `LedgerUnreachable` when it cannot be opened.
    """
    from finops_pack import config

    settings = config.load()
    return _reader(ledger_url or settings.ledger, settings.tz, prompts)


def _reader(url: str, time_zone: str, prompts: bool) -> Reader:
    from finops_pack.ledger import has_spools, normalise, open_ledger

    if has_spools(url):
        if prompts:
            _settle()
        ledger = open_ledger(url)
        return Reader(ledger, ledger.drain(DRAIN_SECONDS))
    if not normalise(url).startswith("sqlite:"):
        return Reader(open_ledger(url))
    if not _exists(url):
        with forks.barred():
            from finops_pack.query.absent import Absent

        return Reader(Absent(normalise(url), time_zone), begun=False)
    try:
        return Reader(open_ledger(url, read_only=True))
    except LedgerOutdated:
        return Reader(open_ledger(url))


def _settle() -> None:
    from finops_pack.ledger import spool

    for settle in spool.before_reading:
        settle(DRAIN_SECONDS)


def _exists(url: str) -> bool:
    import os

    from finops_pack.ledger import sqlite_path

    try:
        return os.stat(sqlite_path(url)).st_size > 0
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise LedgerUnreachable(str(error), mend="check the path and who may read it") from None


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
    with open(ledger, prompts=False) as reader:
        return reader.spend(by, Period.of(last, since, until, zone=reader.zone), **where)


def budget(ledger: str | None = None) -> BudgetView:
    """What is left of each budget, and what was spent today, this week and this month."""
    with open(ledger, prompts=False) as reader:
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
