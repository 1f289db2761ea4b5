"""Workflow: jobs on a clock whose answer is always the same change nothing: run them less."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from finops_pack.levers._lever import Lever, Work
from finops_pack.model import Call

MINIMUM_RUNS = 3


def find(work: Work) -> Iterable[Lever]:
    """One lever an answer that runs on a clock gave again and again without using a tool."""
    runs: dict[str, list[Call]] = {}
    for call in work.calls:
        if call.task and work.trigger(call) in ("cron", "heartbeat"):
            runs.setdefault(call.task, []).append(call)
    for (project, answer), same in _same_answers(runs).items():
        if len(same) < MINIMUM_RUNS:
            continue
        idle = [call for run in same[1:] for call in run]
        usd = sum((call.amount_usd for call in idle), Decimal(0))
        yield from work.lever(
            "workflow",
            "Skip jobs that change nothing",
            usd,
            idle,
            f"{len(same)} runs on a clock gave the very same answer without using a tool; "
            "check for news before asking a model",
            low=usd / 2,
            basis="estimated",
            effort="config",
            assumption="an answer that did not change was not needed",
            subject=f"{project}:{answer}",
            scope={"project": project},
            measure="day",
        )


def _same_answers(runs: Mapping[str, list[Call]]) -> dict[tuple[str, str], list[list[Call]]]:
    """Runs without tool calls by (project, hash of the last answer)."""
    found: dict[tuple[str, str], list[list[Call]]] = {}
    for calls in runs.values():
        answer = calls[-1].response_hash
        if answer and not any(call.tool_calls for call in calls):
            found.setdefault((calls[-1].project or "", answer), []).append(calls)
    return found
