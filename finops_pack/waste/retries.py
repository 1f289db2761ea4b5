"""Retries: attempts that failed in passing and were sent again.

Rule: a call that failed with a rate limit, a timeout, a fault of the server (5xx), a conflict (409)
or a lost connection, followed within two minutes of its end by one with the same request (without
request hashes: by the next of the same agent and action). What the failed attempts were billed is
avoidable, the delivering call is not. Providers do not bill refused requests, so this is usually
time rather than money; a request that was cut off may have been billed, which is unknown. Attempts
that a client made within one call are counted with the seconds they cost. A repeated request that
had not failed is no retry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from finops_pack.figures import count, usd
from finops_pack.model import Call, Finding
from finops_pack.waste._ground import Ground
from finops_pack.waste._say import gap, named, one_task, some

CATEGORY = "retries"
ORDER = 10
WINDOW_US = 120_000_000
PASSING = re.compile(
    r"408|409|429|5\d\d|rate.?limit|too.?many|time.?d?.?out|overload|unavailable|connect|"
    r"internal|conflict|bad.?gateway|api.?error|server.?error|exhausted|throttl|reset|deadline|"
    r"remote.?protocol|\bread.?error|incomplete.?read|chunked.?encoding|payload.?error|"
    r"broken.?pipe|stream.?error",
    re.IGNORECASE,
)
MEND = "back off with jitter, respect Retry-After, and cap the retries of a task"


class Chain(NamedTuple):
    """Failed attempts of one request, and the call that delivered, if one did."""

    failed: Sequence[Call]
    delivered: Call | None


def find(calls: Sequence[Call], ground: Ground) -> Iterable[Finding]:
    """At most one finding a session."""
    chains = list(_chains(calls))
    within = [call for call in calls if call.attempts > 1]
    if chains or within:
        yield _finding(chains, within, ground)


def _chains(calls: Sequence[Call]) -> Iterator[Chain]:
    """Chains of attempts; a request that failed once and was left alone is none."""
    open_: dict[object, list[Call]] = {}
    for call in calls:
        key = _request(call, open_)
        failed = open_.get(key, [])
        if failed and call.start_us - failed[-1].end_us > WINDOW_US:
            yield from _given_up(open_.pop(key))
            failed = []
        if failed_in_passing(call):
            open_.setdefault(key, []).append(call)
        elif failed:
            yield Chain(open_.pop(key), call)
    for failed in open_.values():
        yield from _given_up(failed)


def _given_up(failed: Sequence[Call]) -> Iterator[Chain]:
    if len(failed) > 1:
        yield Chain(failed[:-1], None)


def _request(call: Call, open_: dict[object, list[Call]]) -> object:
    """What is the same in two attempts of one request."""
    whose = (call.agent, call.action, call.task)
    if call.request_hash is None or whose in open_:
        return whose
    return call.request_hash


def failed_in_passing(call: Call) -> bool:
    """Whether it got no answer for a reason that passes: a rate limit, a lost connection."""
    return call.status in ("error", "unknown") and bool(PASSING.search(call.error_type or ""))


def _finding(chains: Sequence[Chain], within: Sequence[Call], ground: Ground) -> Finding:
    failed = [call for chain in chains for call in chain.failed]
    paid = sum((ground.taken.claim(call) for call in failed), Decimal(0))
    unseen = [c for c in chains for call in c.failed if call.usage_basis == "unknown"]
    tokens = sum(c.delivered.input_tokens for c in unseen if c.delivered)
    attempts = len(failed) + sum(call.attempts - 1 for call in within)
    shown: list[Chain | Call] = [*chains, *within]
    involved = {call.id: call for call in (*failed, *within)}
    through = {c.delivered.id for c in chains if c.delivered}
    through |= {call.id for call in within if call.status == "ok"}
    return Finding(
        category=CATEGORY,
        title=f"{count(attempts, 'attempt')} failed{_before(len(through))}{_kinds(failed)}",
        calls=tuple(involved),
        usd=paid,
        basis="estimated" if unseen else "measured",
        confidence=0.95,
        evidence=(
            *some(shown, _evidence),
            _waited(failed, within),
        ),
        mend=MEND,
        task=one_task(involved.values()),
        unknown_tokens=tokens,
    )


def _before(through: int) -> str:
    return f" before {count(through, 'request')} got through" if through else ", none got through"


def _waited(failed: Sequence[Call], within: Sequence[Call]) -> str:
    lost = sum(call.duration_ms or 0 for call in failed) + sum(call.lost_ms for call in within)
    if not lost and all(call.duration_ms is None for call in failed):
        return "how long they took was not recorded"
    return f"{lost / 1000:,.1f} s were lost waiting"


def _kinds(failed: Sequence[Call]) -> str:
    kinds = sorted({call.error_type for call in failed if call.error_type})
    return f" ({', '.join(kinds)})" if kinds else ""


def _evidence(attempts: Chain | Call) -> str:
    if isinstance(attempts, Call):
        return (
            f"{named(attempts)} took {attempts.attempts} attempts and "
            f"{attempts.lost_ms / 1000:,.1f} s; refused attempts are not billed"
        )
    last, delivered = attempts.failed[-1], attempts.delivered
    said = f"{named(last)} failed with {last.error_type}"
    if delivered:
        said += (
            f"; call {delivered.id} {gap(last, delivered)} sent the same request and was billed "
            f"{usd(delivered.amount_usd)}"
        )
    if any(call.usage_basis == "unknown" for call in attempts.failed):
        said += "; what the provider billed for the one cut off is not known"
    return said
