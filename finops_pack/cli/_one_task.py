"""One task on the screen: its call tree, and why it cost what it did."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING, Any

from finops_pack.cli import _args, _out
from finops_pack.errors import InputError
from finops_pack.model import Call
from finops_pack.money import plain
from finops_pack.query import Period, Reader
from finops_pack.query.nested import costs_of_like, opened

if TYPE_CHECKING:
    from finops_pack.model import Finding
    from finops_pack.trend import Factor, Trend

CALLS_SHOWN = 60
LEAST_PART = Decimal("0.05")  # of the difference: a smaller cause is not worth a line
LEAST_REST = Decimal("0.005")  # less than that no printed digit tells


def show(reader: Reader, period: Period, asked: str, args: argparse.Namespace) -> None:
    """Print the task of that id, or its document; raises `InputError` when it has no calls."""
    calls, tree, paid = opened(reader, asked, args.billing)
    if not calls:
        raise InputError(f"no calls of a task {asked!r} in this ledger", mend="see: finops task")
    around = _around(period, calls)
    tasks = reader.tasks(around, **{**_args.where(args), **paid})
    within = bool((row := reader.task(asked)) and row.parent)  # it is compared with its like
    usual = costs_of_like([task for task in tasks if task.id not in tree], within=within)
    findings: list[Finding] = []
    trend = None
    if args.why or args.json:
        findings = reader.forensics(around, only=tree, **paid)
        trend = reader.task_trend(around, tree, alone=within, **paid)
    if args.json:
        _out.document("finops.task", _body(asked, calls, usual, trend, findings))
        return
    plan = " list equivalent" if paid.get("billing") == "subscription" else ""
    print(f"task {asked}: {_head(calls, plan, usual)}")
    _tree(calls, _args.again(args, "task"))
    if trend is not None:
        _why(trend, findings)


def none(nothing: str | None) -> None:
    """The document where no task is, and why there is none."""
    _out.document("finops.task", {**_body(None, [], [], None, []), "nothing": nothing})


def _body(
    asked: str | None,
    calls: list[Call],
    usual: list[Decimal],
    trend: Trend | None,
    findings: list[Finding],
) -> dict[str, Any]:
    return {
        "task": asked,
        **_sums(calls),
        "usual_usd": plain(median(usual)) if usual else None,
        "against_others": trend.to_dict() if trend else None,
        "calls": [_call(call) for call in calls],
        "findings": [_out.finding(found) for found in findings],
    }


def _sums(calls: list[Call]) -> dict[str, Any]:
    unpriced = sum(call.unpriced for call in calls)
    usd = None if unpriced == len(calls) else plain(_usd(calls))
    return {"usd": usd, "unpriced_calls": unpriced}


def _usd(calls: list[Call]) -> Decimal:
    return sum((call.amount_usd for call in calls), Decimal(0))


def _head(calls: list[Call], plan: str, usual: list[Decimal]) -> str:
    """What it cost against the usual; no price is not $0."""
    number, unpriced = _out.count(len(calls), "call"), sum(call.unpriced for call in calls)
    marks = (
        (unpriced, "without a price, not in it"),
        (sum(call.cost_state == "partial" for call in calls), "priced in part"),
        (sum(call.usage_basis == "estimated" for call in calls), "estimated"),
    )
    if unpriced == len(calls):
        return f"unpriced, {number}; names and mends: finops doctor"
    said = "; ".join(f"{count:,} {what}" for count, what in marks if count)
    without = f" ({said})" if said else ""
    return f"{_out.usd(_usd(calls))}{plan}, {number}{without}{_against(_usd(calls), usual)}"


def _why(trend: Trend, findings: list[Finding]) -> None:
    """What it cost beyond the mean of the others, by cause, and the failure modes behind it."""
    if trend.factors:
        beyond = trend.now_usd - trend.before_usd
        _out.say(
            f"{_out.usd(abs(beyond))} {'more' if beyond > 0 else 'less'} than the mean of "
            f"{_out.count(trend.before_tasks, 'other task')} ({_out.usd(trend.before_usd)}): "
            f"{_causes(trend.factors, beyond)}"
        )
    for found in findings[:3]:
        _out.show_finding(found)
    _out.show_overlap(findings[:3])
    if not findings:
        print("no failure mode seen: none of its steps stands out")


def _causes(factors: Sequence[Factor], beyond: Decimal) -> str:
    """Those worth a line, then the others in one sum: what is printed adds up."""
    large = [factor for factor in factors if abs(factor.usd) >= LEAST_PART * abs(beyond)]
    if not large:
        return "nothing in particular"
    parts = [f"{_out.usd(factor.usd)} {factor.cause}" for factor in large]
    rest = beyond - sum(factor.usd for factor in large)
    if abs(rest) > LEAST_REST * abs(beyond):
        parts.append(f"{_out.usd(rest)} smaller causes")
    return ", ".join(parts)


def _around(period: Period, calls: list[Call]) -> Period:
    """The period asked about, or one of its length on either side of a task that is outside."""
    first, last = calls[0].started_at, calls[-1].started_at
    late = period.until is not None and first >= period.until
    if period.since is None:
        return Period(None, None) if late else period
    if period.since <= first and not late:
        return period
    length = timedelta(days=period.days or 1)
    return Period(first - length, last + length, "around the task")


def _against(total: Decimal, usual: list[Decimal]) -> str:
    if not usual:
        return ""
    middle = median(usual)
    return f", {_out.times(total / middle)} the usual {_out.usd(middle)} (n = {len(usual)})"


def _tree(calls: list[Call], again: str) -> None:
    """Calls under their parents; one that was caused outside the task stands at the left."""
    known = {call.id for call in calls}
    children: dict[str | None, list[Call]] = {}
    for call in calls:
        parent = call.parent if call.parent in known else None
        children.setdefault(parent, []).append(call)
    shown = 0
    stack = [(call, 0) for call in reversed(children.get(None, []))]
    while stack and shown < CALLS_SHOWN:
        call, depth = stack.pop()
        print("  " * (depth + 1) + _line(call))
        shown += 1
        stack += [(child, depth + 1) for child in reversed(children.get(call.id, []))]
    if len(calls) > shown:
        print(f"  … {len(calls) - shown} more; all of them: {again} --json")


def _line(call: Call) -> str:
    who = " / ".join(part for part in (call.agent, call.action) if part) or "call"
    cost = "unpriced" if call.unpriced else _out.usd(call.amount_usd)
    counts = f"{_out.tokens(call.input_tokens)} in, {_out.tokens(call.output_tokens)} out"
    cached = f", {_out.tokens(call.cache_read_tokens)} cached" if call.cache_read_tokens else ""
    marks = [
        "" if call.status == "ok" else call.error_type or call.status,
        f"{call.attempts} attempts" if call.attempts > 1 else "",
        f"rejected by {call.verifier}" if call.verifier else "",
        "" if call.usage_basis == "measured" else call.usage_basis,
    ]
    noted = ", ".join(mark for mark in marks if mark)
    model = call.answered_by
    return f"{cost:>9}  {who}  {model}  {counts}{cached}{f'  [{noted}]' if noted else ''}"


def _call(call: Call) -> dict[str, Any]:
    return {
        "id": call.id,
        "parent": call.parent,
        "time": call.started_at.isoformat(),
        "agent": call.agent,
        "action": call.action,
        "model": call.answered_by,
        "input_tokens": call.input_tokens,
        "cache_read_tokens": call.cache_read_tokens,
        "output_tokens": call.output_tokens,
        "usd": None if call.unpriced else plain(call.amount_usd),
        "basis": call.usage_basis,
        "status": call.status,
        "error_type": call.error_type,
        "attempts": call.attempts,
        "verifier": call.verifier,
    }
