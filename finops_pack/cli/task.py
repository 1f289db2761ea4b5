"""`finops task`: the dearest tasks, or one task's call tree and why it cost what it did."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from finops_pack.cli import _args, _one_task, _out
from finops_pack.model import Task, Totals
from finops_pack.money import plain
from finops_pack.query import Period
from finops_pack.query.nested import inside

HELP = "tasks and their cost; one task's call tree, and --why it cost what it did"
SHOWN = 15


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
        held = inside(tasks)
        ordered = sorted(tasks, key=lambda task: -task.usd - held.get(task.id, 0))
        if asked is None and args.why and ordered:
            asked = ordered[0].id
        if asked is not None:
            _one_task.show(reader, period, asked, args)
            return 0
        nothing = reader.nothing(period, **_args.where(args)) or None
        if args.json and args.why:
            _one_task.none(nothing)
            return 0
        if args.json:
            listed = [_task(task, held) for task in ordered]
            _out.document("finops.tasks", {**period.to_dict(), "nothing": nothing, "tasks": listed})
            return 0
        sums = {row.key: row for row in reader.spend("task", period, **_args.where(args)).rows}
        if ordered:
            _list(ordered, held, period, sums, args)
        else:
            name = 'name one in your program: with finops_pack.task("ticket-4711"):'
            _out.say(nothing or f"no tasks in this period; {name}")
        _out.note(_outside(sums.get(None)))
    return 0


def _list(
    ordered: list[Task],
    held: Mapping[str, Decimal],
    period: Period,
    sums: Mapping[str | None, Totals],
    args: argparse.Namespace,
) -> None:
    costs = [_cost(task, sums.get(task.id)) for task in ordered[:SHOWN]]
    rows = [
        (
            task.id,
            cost + _plus(held, task),
            str(task.calls),
            task.outcome or "",
            task.project or "",
        )
        for task, cost in zip(ordered[:SHOWN], costs, strict=True)
    ]
    columns = ("task", "cost", "calls", "outcome", "project")
    _out.table(f"dearest tasks, {period.label}", columns, rows)
    if len(ordered) > SHOWN:
        all_of_them = _args.again(args, "task")
        print(f"… and {len(ordered) - SHOWN:,} more; all of them: {all_of_them} --json")
    if any("~" in cost for cost in costs):
        print("~ tokens of some calls are estimated")
    if any("*" in cost for cost in costs):
        print("* what has no price is not in the amount; names and mends: finops doctor")
    if any(task.id in held for task in ordered[:SHOWN]):
        print("+ what the tasks inside it cost, which are listed too")
    print(f"why: {_args.again(args, 'task', 'ID')} --why")
    _out.note(_args.plan(args))


def _outside(row: Totals | None) -> str:
    """The calls that no task holds, which count as tasks of their own elsewhere."""
    if row is None:
        return ""
    cost = _out.usd(row.usd) if row.calls > row.unpriced_calls else "unpriced"
    return f"outside any task: {_out.count(row.calls, 'call')}, {cost}"


def _cost(task: Task, row: Totals | None) -> str:
    """No price is not $0; marked as `finops spend` marks it, where the period's calls tell."""
    if task.calls and task.calls == task.unpriced_calls:
        return "unpriced"
    told = row or Totals()
    outside = task.unpriced_calls or told.partial_calls
    return f"{_out.usd(task.usd)}{'~' if told.estimated_calls else ''}{'*' if outside else ''}"


def _plus(held: Mapping[str, Decimal], task: Task) -> str:
    return f" + {_out.usd(held[task.id])}" if task.id in held else ""


def _task(task: Task, held: Mapping[str, Decimal]) -> dict[str, Any]:
    return {
        "id": task.id,
        "parent": task.parent,
        "project": task.project,
        "session": task.session,
        "trigger": task.trigger,
        "outcome": task.outcome,
        "calls": task.calls,
        "unpriced_calls": task.unpriced_calls,
        "usd": plain(task.usd) if task.calls > task.unpriced_calls else None,
        "inside_usd": plain(held.get(task.id, Decimal(0))),
    }
