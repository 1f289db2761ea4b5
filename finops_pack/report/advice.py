"""What a person is told of a day in the outbox: what is wrong, and the mend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from finops_pack.money import plain
from finops_pack.report.model import DailyReport
from finops_pack.report.outbox import Entry

_MENDS = {
    401: "store a key that is valid: finops connect",
    403: "this key may not report; store one that may: finops connect",
    404: "check the URL, then: finops report --send --date {date}",
    405: "check the URL, then: finops report --send --date {date}",
    413: "the report is too large for this server; tell its owner",
}
_RESEND = "mend what the message names, then: finops report --send --date {date}"
_SAY = "finops report --date {date} --delivered"
_DOUBT = (
    "look for it on the server's dashboard; if it is there: "
    f"{_SAY}; if not: finops report --send --date {{date}}"
)
_CORRECT = f"correct it on the server's dashboard, then: {_SAY}"
_AGAIN = "the next finops report --send goes on with it"


def delivered_row(entry: Entry, report: DailyReport) -> dict[str, Any]:
    """A day that was delivered."""
    return {
        "date": entry.date,
        "report_id": entry.report_id,
        "total_cost_usd": plain(report.total_cost),
    }


def left_row(entry: Entry) -> dict[str, Any]:
    """A day that was not; `not_before` is when the server lets us try again."""
    return {
        "date": entry.date,
        "status": entry.status,
        "attempts": entry.attempts,
        "reason": reason(entry),
        "mend": mend(entry),
        "not_before": _iso(entry.hold_until) if entry.hold_until else None,
    }


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def state(entry: Entry | None) -> str:
    """Where the delivery of a day stands, in words."""
    if entry is None or (entry.state == "pending" and not (entry.error or entry.doubt)):
        return "not sent yet"
    if entry.state != "sent" or entry.changed:
        return f"{'refused' if entry.state == 'failed' else 'kept'}: {reason(entry)}"
    at = _iso(entry.sent_at or 0.0)
    return f"delivered {at}" + (f" as {entry.report_id}" if entry.report_id else "")


def reason(entry: Entry) -> str:
    """Why it is not delivered."""
    if entry.changed:
        return "changed after it was delivered, and this server may add up what it gets"
    if entry.doubt:
        return "it may have arrived: the answer was lost, and the server does not tell"
    if entry.state == "sending":
        return "another process is sending it"
    return entry.error or "not tried yet"


def mend(entry: Entry) -> str:
    """What to do about it."""
    if entry.changed:
        return _CORRECT.format(date=entry.date)
    if entry.doubt:
        return _DOUBT.format(date=entry.date)
    if entry.state != "failed":
        return _AGAIN
    return _MENDS.get(entry.status or 0, _RESEND).format(date=entry.date)


def problems(outbox: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every day of the outbox, for `finops doctor`, that a person should know about."""
    found = map(Entry.of, outbox)
    wrong = [e for e in found if e.state == "failed" or e.changed or e.doubt or e.error]
    return [{"url": e.url, **left_row(e)} for e in sorted(wrong, key=lambda e: (e.url, e.date))]
