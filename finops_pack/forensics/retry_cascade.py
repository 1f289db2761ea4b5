"""Retry cascade: one request tried again and again, or a burst of errors across requests.

Rule: at least three attempts of one logical request, or at least five failed calls that are
more than 10 % of the task's calls within five minutes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from decimal import Decimal

from finops_pack.figures import count
from finops_pack.forensics._runs import Population, Run, because
from finops_pack.model import Call, Finding

MODE = "retry_cascade"
MINIMUM_ATTEMPTS = 3
WINDOW_US = 300_000_000
MINIMUM_FAILED = 5
SHARE = 0.10


def find(run: Run, population: Population) -> Iterable[Finding]:
    """One finding a task whose requests were retried in a chain."""
    chains = _chains(run.calls)
    burst = _burst(run.calls)
    involved = {call.id: call for chain in chains for call in chain}
    involved.update((call.id, call) for call in burst)
    if involved:
        yield _finding(run, list(involved.values()), chains, population)


def _finding(
    run: Run, calls: Sequence[Call], chains: Sequence[Sequence[Call]], population: Population
) -> Finding:
    attempts = sum(call.attempts for call in calls)
    lost = sum(call.lost_ms for call in calls) / 1000
    kinds = sorted({call.error_type for call in calls if call.error_type})
    failed = [call for call in calls if call.status == "error"]
    usd = sum((call.amount_usd for call in failed), Decimal(0))
    reason = f" ({', '.join(kinds)})" if kinds else ""
    cause = f"{count(len(calls), 'request')} took {attempts} attempts{reason}"
    return Finding(
        category=MODE,
        title=because(run, population, cause, usd),
        calls=tuple(call.id for call in calls),
        usd=usd,
        basis="estimated" if any(c.usage_basis == "estimated" for c in failed) else "measured",
        confidence=0.95,
        evidence=(
            f"{attempts} attempts, {lost:.1f} s lost waiting, {count(len(failed), 'call')} failed",
            f"{count(len(chains), 'request')} {'was' if len(chains) == 1 else 'were'} tried at "
            f"least {MINIMUM_ATTEMPTS} times",
        ),
        mend="back off with jitter, cap the retries of a task, and shed load at rate limits",
        task=run.id,
    )


def _chains(calls: Sequence[Call]) -> list[list[Call]]:
    """Calls of one request that together made three attempts or more.

    Without its hash a request goes on from a failed one of the same agent and action, if soon.
    """
    chains: dict[str, list[Call]] = {}
    open_: dict[tuple[str | None, str | None], tuple[str, int]] = {}
    for call in calls:
        failed, ended = open_.pop((call.agent, call.action), (call.id, call.start_us))
        soon = call.start_us - ended <= WINDOW_US
        request = call.request_hash or (failed if soon else call.id)
        chains.setdefault(request, []).append(call)
        if call.status == "error":
            open_[call.agent, call.action] = request, call.end_us
    return [chain for chain in chains.values() if _tries(chain) >= MINIMUM_ATTEMPTS]


def _tries(chain: Sequence[Call]) -> int:
    failures = sum(call.attempts for call in chain if call.status == "error")
    delivered = max((call.attempts for call in chain if call.status != "error"), default=0)
    return failures + delivered


def _burst(calls: Sequence[Call]) -> list[Call]:
    """The first failed calls, in order of start, that are enough within five minutes."""
    failed = [call for call in calls if call.status == "error"]
    starts = [call.start_us for call in failed]
    for place, start in enumerate(starts):
        end = bisect_right(starts, start + WINDOW_US, place)
        if end - place >= MINIMUM_FAILED and end - place > SHARE * len(calls):
            return failed[place:end]
    return []
