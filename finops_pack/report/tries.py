"""What becomes of a day's entry as the day is tried: claimed before it is sent, then answered."""

from __future__ import annotations

from dataclasses import replace

from finops_pack.report import outbox
from finops_pack.report.client import Reply
from finops_pack.report.due import Due
from finops_pack.report.outbox import Entry

QUIET = 30.0  # seconds after which a silent server has either saved or given up
BREATH = 2.0  # the same for one that answered 5xx or dropped the connection
GATEWAY_TIMEOUT = 504  # a proxy's word that the server behind it fell silent


def claimed(one: Due, seen: Entry, before: int | None, *, now: float, key: str | None) -> Entry:
    """The entry of a day that this process is about to send; `before` as in `Entry`."""
    requests = one.report.total_requests
    return replace(
        seen,
        state="sending",
        hash=one.content,
        figures=one.figures,
        body=one.report.content_hash,
        requests=min(seen.requests, requests) if seen.open else requests,
        before=before,
        unclear=seen.open,
        lost=seen.lost or seen.state == "sending",
        doubt=False,
        quiet_until=now + QUIET,
        hold_until=0.0,
        attempts=seen.attempts + 1,
        tried_at=now,
        owner=outbox.owner(),
        key=key,
    )


def answered(claimed: Entry, reply: Reply, seen: Entry | None, *, now: float) -> Entry:
    """The entry once the answer, or its absence, is known; `seen` is what stood before the try."""
    if reply.kind == "ok":
        return claimed.delivered(now, reply.body.get("report_id"))
    told = replace(
        claimed,
        state="failed" if reply.kind == "refused" else "pending",
        status=reply.status,
        error=reply.message,
        hold_until=until(reply.retry_after, now),
        quiet_until=0.0,
    )
    if reply.kind == "retry" and seen and told.unclear:
        # What may still land is the try before, so that its content is what counts.
        return replace(told, hash=seen.hash, figures=seen.figures, body=seen.body)
    if reply.kind != "unclear":
        return told
    silent = reply.timed_out or reply.status == GATEWAY_TIMEOUT
    quiet = claimed.quiet_until if silent else now + BREATH
    lost = told.lost or silent or (reply.status or 0) < 500
    return replace(told, unclear=True, lost=lost, quiet_until=quiet)


def until(seconds: float | None, now: float) -> float:
    """The moment that a server's Retry-After ends; 0 without one."""
    return now + seconds if seconds else 0.0
