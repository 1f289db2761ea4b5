"""The daily report: made from the ledger, kept in an outbox, delivered over the REST API.

What the faces use; everything heavy is imported when it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finops_pack.report.delivery import Clock, Delivery, Sender
    from finops_pack.report.due import Due
    from finops_pack.report.keys import Target
    from finops_pack.report.model import DailyReport


def of_day(ledger_url: str, date: str) -> DailyReport:
    """The report of one day of this ledger, as it would be sent."""
    from finops_pack import query
    from finops_pack.ledger import open_ledger
    from finops_pack.report.build import build, identity

    return build(query.open(ledger_url), date, identity(open_ledger(ledger_url)))


def due(ledger_url: str, target: Target, only: str | None = None) -> list[Due]:
    """What `send` would send now."""
    return _sender(ledger_url, target, only, None).due()


def send(
    ledger_url: str,
    target: Target,
    only: str | None = None,
    *,
    clock: Clock | None = None,
    deadline: float | None = None,
) -> Delivery:
    """Deliver what is due, each day once; `only` is one date, today's included.

    `deadline` bounds one request, seconds. Without a key nothing is sent and all is pending.
    """
    from finops_pack.report.client import DEADLINE, Client

    sender = _sender(ledger_url, target, only, clock)
    if target.key is None:
        return sender.outcome()
    with Client(target.url, target.key, deadline=deadline or DEADLINE) as client:
        return sender.run(client)


def _sender(ledger_url: str, target: Target, only: str | None, clock: Clock | None) -> Sender:
    from finops_pack import query
    from finops_pack.ledger import open_ledger
    from finops_pack.report.build import identity
    from finops_pack.report.delivery import Sender
    from finops_pack.report.due import Days

    ledger = open_ledger(ledger_url)
    days = Days(query.open(ledger_url), identity(ledger))
    return Sender(ledger, days, target, only=only, clock=clock)


def problems(ledger_url: str) -> list[dict[str, Any]]:
    """What `finops doctor` says of the outbox: date, url, reason, mend."""
    from finops_pack.ledger import open_ledger
    from finops_pack.report.advice import problems as found

    return found(open_ledger(ledger_url, read_only=True))
