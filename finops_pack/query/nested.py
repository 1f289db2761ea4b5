"""Tasks inside tasks: the books count a call to the innermost one alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from finops_pack.model import Call, Task
from finops_pack.query.period import Period

if TYPE_CHECKING:
    from finops_pack.query.reader import Reader


LATE_S = 86_400  # what a task left running may begin others


def inside(tasks: Sequence[Task]) -> Mapping[str, Decimal]:
    """USD of the tasks inside each of these, at any depth, as far as they are among them."""
    rows = {task.id: task for task in tasks}
    usd: defaultdict[str, Decimal] = defaultdict(Decimal)
    for task in tasks:
        seen, outer = {task.id}, task.parent
        while outer is not None and outer not in seen:
            usd[outer] += task.usd
            seen.add(outer)
            outer = rows[outer].parent if outer in rows else None
    return dict(usd)


def costs_of_like(tasks: Sequence[Task], *, within: bool) -> list[Decimal]:
    """What tasks cost with all inside them; of those that are inside one, or of the others."""
    held = inside(tasks)
    cost = (task.usd + held.get(task.id, 0) for task in tasks if bool(task.parent) == within)
    return [usd for usd in cost if usd > 0]


class Tree(NamedTuple):
    """A task's calls and those of the tasks inside it, in order of start; `tasks` are their ids.

    `paid` narrows to calls that are paid for as these are.
    """

    calls: list[Call]
    tasks: set[str]
    paid: dict[str, str]


def opened(reader: Reader, task: str, billing: str | None = None) -> Tree:
    """One task; calls of a flat plan are found unasked, where there are no others."""
    ways = ({"billing": billing},) if billing else ({}, {"billing": "subscription"})
    for paid in ways:
        tree, ever = tree_of(reader, task, **paid), Period(None, None)
        calls = [call for one in sorted(tree) for call in reader.calls(ever, task=one, **paid)]
        if calls:
            return Tree(sorted(calls, key=attrgetter("start_us")), tree, paid)
    return Tree([], {task}, {})


def tree_of(reader: Reader, asked: str, **paid: Any) -> set[str]:
    """The ids of this task and of all inside it: those begun until a day after its end."""
    row = reader.task(asked)
    if row is None:
        return {asked}
    children: defaultdict[str | None, list[str]] = defaultdict(list)
    for task in reader.tasks(_while(row), **paid):
        children[task.parent].append(task.id)
    found, open_ = {asked}, [asked]
    while open_:
        new = [child for child in children[open_.pop()] if child not in found]
        found.update(new)
        open_ += new
    return found


def _while(task: Task) -> Period:
    begin = datetime.fromtimestamp(task.start_us // 10**6, UTC)
    if not task.end_us:
        return Period(begin, None)
    return Period(begin, datetime.fromtimestamp(task.end_us // 10**6 + LATE_S, UTC))
