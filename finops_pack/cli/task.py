"""`finops task`: the dearest tasks, or one task's call tree and why it cost what it did."""

from __future__ import annotations

import argparse
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING, Any

from finops_pack.cli import _args, _out
from finops_pack.errors import InputError
from finops_pack.model import Call, Task
from finops_pack.money import plain
from finops_pack.query import Period, Reader

if TYPE_CHECKING:
    from finops_pack.model import Finding
    from finops_pack.trend import Trend

HELP = "tasks and their cost; one task's call tree, and --why it cost what it did"
SHOWN = 15
CALLS_SHOWN = 60
LEAST_PART = Decimal("0.05")  # of the difference: a smaller cause is not worth a line


def arguments(parser: argparse.ArgumentParser) -> None:
    """Examples: finops task · finops task ticket-4711 --why"""
    parser.add_argument("id", nargs="?", help="a task; without one the dearest are listed")
    parser.add_argument("--why", action="store_true", help="the cause of its cost (of the dearest)")
    _args.add_common(parser)


def run(args: argparse.Namespace) -> int:
    """List, or show one."""
    asked = args.id or args.task
    args.task = None
    with _args.reader(args) as reader:
        period = _args.period(args, reader)
        tasks = reader.tasks(period, **_args.where(args))
        if asked is None and args.why and tasks:
            asked = max(tasks, key=lambda task: task.usd).id
        if asked is None:
            return _list(reader, period, tasks, args.json)
        return _one(reader, period, asked, tasks, args)


def _list(reader: Reader, period: Period, tasks: list[Task], as_json: bool) -> int:
    ordered = sorted(tasks, key=lambda task: -task.usd)
    if as_json:
        _out.document(
            "finops.tasks", {**period.to_dict(), "tasks": [_task(task) for task in ordered]}
        )
    elif not ordered:
        print(reader.nothing(period) or "no tasks in this period")
    else:
        rows = [
            (task.id, _cost(task), str(task.calls), task.outcome or "", task.project or "")
            for task in ordered[:SHOWN]
        ]
        columns = ("task", "cost", "calls", "outcome", "project")
        _out.table(f"dearest tasks, {period.label}", columns, rows)
        print("why: finops task ID --why")
    return 0


def _cost(task: Task) -> str:
    """No price is not $0; a star says that some calls are not in the amount."""
    if task.calls and task.calls == task.unpriced_calls:
        return "unpriced"
    return _out.usd(task.usd) + ("*" if task.unpriced_calls else "")


def _one(
    reader: Reader, period: Period, asked: str, tasks: list[Task], args: argparse.Namespace
) -> int:
    calls = reader.calls(Period(None, None), task=asked)
    if not calls:
        raise InputError(f"no task {asked!r} in this ledger", mend="see: finops task")
    usual = [task.usd for task in tasks if task.id != asked and task.usd > 0]
    total = sum((call.amount_usd for call in calls), Decimal(0))
    findings: list[Finding] = []
    trend = None
    if args.why or args.json:
        around = _around(period, calls)
        findings = reader.forensics(around, only=asked)
        trend = reader.task_trend(around, asked)
    if args.json:
        body: dict[str, Any] = {
            "task": asked,
            "usd": plain(total),
            "usual_usd": plain(median(usual)) if usual else None,
            "against_others": trend.to_dict() if trend else None,
            "calls": [_call(call) for call in calls],
            "findings": [_out.finding(found) for found in findings],
        }
        _out.document("finops.task", body)
        return 0
    said = f"task {asked}: {_out.usd(total)}, {_out.count(len(calls), 'call')}"
    print(said + _against(total, usual))
    _tree(calls)
    if trend is not None:
        _why(trend, findings)
    return 0


def _why(trend: Trend, findings: list[Finding]) -> None:
    """What it cost beyond the mean of the others, by cause, and the failure modes behind it."""
    if trend.factors:
        beyond = trend.now_usd - trend.before_usd
        parts = [f"{_out.usd(f.usd)} {f.cause}" for f in trend.factors if _counts(f.usd, beyond)]
        print(
            f"{_out.usd(abs(beyond))} {'more' if beyond > 0 else 'less'} than the mean of "
            f"{_out.count(trend.before_tasks, 'other task')} ({_out.usd(trend.before_usd)}): "
            f"{', '.join(parts) or 'nothing in particular'}"
        )
    for found in findings[:3]:
        _out.show_finding(found)
    if not findings:
        print("no failure mode seen: none of its steps stands out")


def _counts(usd: Decimal, beyond: Decimal) -> bool:
    return abs(usd) >= LEAST_PART * abs(beyond)


def _around(period: Period, calls: list[Call]) -> Period:
    """The period asked about, or one of its length around a task that began before it."""
    first = calls[0].started_at
    if period.since and first < period.since:
        return Period(first - (period.until or _now()) + period.since, None, "around the task")
    return period


def _now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def _against(total: Decimal, usual: list[Decimal]) -> str:
    if not usual:
        return ""
    middle = median(usual)
    return f", {total / middle:.1f}× the usual {_out.usd(middle)} (n = {len(usual)})"


def _tree(calls: list[Call]) -> None:
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
        print(f"  … {len(calls) - shown} more; all of them: finops task ID --json")


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
    model = call.served_model or call.model
    return f"{cost:>9}  {who}  {model}  {counts}{cached}{f'  [{noted}]' if noted else ''}"


def _task(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "project": task.project,
        "session": task.session,
        "trigger": task.trigger,
        "outcome": task.outcome,
        "calls": task.calls,
        "unpriced_calls": task.unpriced_calls,
        "usd": plain(task.usd),
    }


def _call(call: Call) -> dict[str, Any]:
    return {
        "id": call.id,
        "parent": call.parent,
        "time": call.started_at.isoformat(),
        "agent": call.agent,
        "action": call.action,
        "model": call.served_model or call.model,
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
