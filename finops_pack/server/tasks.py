"""Tasks of this machine's ledger as pages show them: a list, and one task's call tree."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from statistics import median

from finops_pack.model import Call, Finding, Task
from finops_pack.query import Period, Reader, nested
from finops_pack.query.nested import costs_of_like, inside

SHOWN = 100


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task in the list; `inside` is what the tasks inside it cost, if there are any.

    `factor` is the cost of all that over the median of the others of its kind.
    """

    task: Task
    started: str
    inside: Decimal | None
    factor: Decimal | None
    modes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """One call and the calls that it caused; `usd` is its own cost, None when unpriced."""

    call: Call
    usd: Decimal | None
    children: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Opened:
    """One task, opened: its calls and those of the tasks inside it, and what explains its cost."""

    task: Task
    started: str
    usd: Decimal
    calls: int
    unpriced: int
    plan: bool
    tree: Sequence[Node]
    findings: Sequence[Finding]


def rows(reader: Reader, period: Period) -> tuple[list[TaskRow], int]:
    """The tasks of a period, dearest first, and how many are not among them."""
    tasks = reader.tasks(period)
    held = inside(tasks)
    found = [task for task in tasks if task.calls or task.id in held]
    like = {within: sorted(costs_of_like(tasks, within=within)) for within in (False, True)}
    modes: dict[str, set[str]] = defaultdict(set)
    for finding in reader.forensics(period):
        cause = finding.title.partition(" because ")[2] or finding.title  # how dear, the row says
        modes[finding.task or ""].add(cause)
    ordered = sorted(found, key=lambda task: (-task.usd - held.get(task.id, 0), task.id))[:SHOWN]
    shown = [
        TaskRow(
            task,
            moment(task.start_us, reader),
            held.get(task.id),
            _factor(task, task.usd + held.get(task.id, 0), like[bool(task.parent)]),
            tuple(sorted(modes.get(task.id, ()))),
        )
        for task in ordered
    ]
    return shown, len(found) - len(shown)


def _factor(task: Task, usd: Decimal, like: Sequence[Decimal]) -> Decimal | None:
    """Unknown where nothing of it has a price: that is no cost of 0."""
    return _times(usd, like) if usd or not task.unpriced_calls else None


def _times(usd: Decimal, like: Sequence[Decimal]) -> Decimal | None:
    """Its cost over the median of the others': `like` are sorted, its own among them."""
    own = bisect_left(like, usd) if usd else len(like)
    others = [*like[:own], *like[own + 1 :]]
    return usd / median(others) if others else None


def opened(reader: Reader, task_id: str) -> Opened | None:
    """One task with its call tree, None when the ledger has no such task."""
    task = reader.task(task_id)
    if task is None:
        return None
    calls, inner, paid = nested.opened(reader, task_id)
    around = Period(*_week_around(task), "the week around it")
    return Opened(
        task,
        moment(task.start_us, reader),
        sum((call.amount_usd for call in calls), Decimal(0)),
        len(calls),
        sum(call.unpriced for call in calls),
        paid.get("billing") == "subscription",
        tree(calls),
        reader.forensics(around, only=inner, **paid),
    )


def _week_around(task: Task) -> tuple[datetime, datetime]:
    """What a task's cost is compared with: three and a half days on either side of it."""
    half = 3.5 * 86_400
    start = task.start_us / 1e6
    return (
        datetime.fromtimestamp(max(start - half, 0), UTC),
        datetime.fromtimestamp((task.end_us or task.start_us) / 1e6 + half, UTC),
    )


def tree(calls: Sequence[Call]) -> list[Node]:
    """Calls under the calls that caused them, in order of start; a loop is cut open."""
    nodes = {call.id: Node(call, None if call.unpriced else call.amount_usd) for call in calls}
    roots = []
    for node in nodes.values():
        above = nodes.get(node.call.parent or "")
        if above is None or _is_above(node, above, nodes):
            roots.append(node)
        else:
            above.children.append(node)
    return roots


def _is_above(node: Node, other: Node, nodes: dict[str, Node]) -> bool:
    """Whether `other` hangs below `node`, so that hanging `node` below it would close a loop."""
    seen: set[str] = set()
    step: Node | None = other
    while step is not None and step.call.id not in seen:
        if step is node:
            return True
        seen.add(step.call.id)
        step = nodes.get(step.call.parent or "")
    return False


def moment(start_us: int, reader: Reader) -> str:
    """`2026-02-25 10:30` in the ledger's zone."""
    when = datetime.fromtimestamp(start_us / 1e6, UTC).astimezone(reader.zone)
    return f"{when:%Y-%m-%d %H:%M}"
