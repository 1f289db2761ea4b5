"""Days that were delivered with another key: one of this account's, or another account's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from finops_pack.report import outbox
from finops_pack.report.outbox import Entry

if TYPE_CHECKING:
    from finops_pack.ledger import Ledger
    from finops_pack.report.held import Held


def moved(ledger: Ledger, url: str, key: str | None) -> list[Entry]:
    """The days that were delivered with another key than this one."""
    found = outbox.entries(ledger, url).values()
    return [e for e in found if e.state == "sent" and key and e.key and e.key != key]


def settle(
    ledger: Ledger, days: Sequence[Entry], held: Held, key: str | None, reporter: str
) -> None:
    """Those that this key's account holds are delivered to it; those that it lacks are to be sent.

    What lies too far back for the server to tell is taken to fare as the others do.
    """
    told = {day.date: held.holds(day.date, reporter) for day in days}
    another = False in told.values() and True not in told.values()
    for day in days:
        lacks = another if told[day.date] is None else not told[day.date]
        new = Entry(day.url, day.date) if lacks else replace(day, key=key)
        body = held.reports.get(day.date, {}).get(reporter)
        if body and day.body and body != day.body:  # it has not heard of a change
            new = replace(new, figures=None, sent_hash=body)
        outbox.swap(ledger, day, new)
