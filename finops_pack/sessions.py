"""Calls in order of start, by session or task, streamed: no more than a day is held at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from finops_pack.model import Call, Facts, Task

SILENT_US = 24 * 3600 * 1_000_000  # no provider keeps a cache for longer
BATCH = 250  # calls whose tasks are asked for at once


def session_of(call: Call) -> str:
    """What a call belongs to: its session, else its task, else itself."""
    return call.session or call.task or call.id


def task_of(call: Call) -> str:
    """The task of a call; without one it is a task of its own."""
    return call.task or call.id


def sent(calls: Iterable[Call]) -> Iterator[Call]:
    """The calls that reached a provider, in order of start.

    A sequence may come in any order; an iterator must be in order already.
    """
    if isinstance(calls, Sequence):
        calls = sorted(calls, key=lambda c: (c.start_us, c.id, c.source))
    return (call for call in calls if call.reached_provider)


def groups(calls: Iterable[Call], key: Callable[[Call], str] = session_of) -> Iterator[list[Call]]:
    """The calls of `sent` by `key`; a group is handed on once it has been silent for a day."""
    open_: OrderedDict[str, list[Call]] = OrderedDict()
    for call in sent(calls):
        while open_ and call.start_us - next(iter(open_.values()))[-1].start_us > SILENT_US:
            yield open_.popitem(last=False)[1]
        name = key(call)
        open_.setdefault(name, []).append(call)
        open_.move_to_end(name)
    yield from open_.values()


def trees(calls: Iterable[Call], facts: Facts) -> Iterator[list[Call]]:
    """The calls of `sent` by root task: those of a task inside another are the outer one's."""
    roots: dict[str, str] = {}

    def known() -> Iterator[Call]:
        coming = sent(calls)
        while batch := list(islice(coming, BATCH)):
            roots.clear()
            rows = rows_of({call.task for call in batch if call.task}, facts)
            roots.update((task, root_of(task, rows)) for task in rows)
            yield from batch

    return groups(known(), lambda call: roots.get(task_of(call), task_of(call)))


def rows_of(tasks: Iterable[str], facts: Facts) -> dict[str, Task]:
    """The rows of these tasks and of all that they are inside of."""
    rows, wanted = dict[str, Task](), set(tasks)
    while wanted:
        found = facts.tasks(wanted)
        rows.update(found)
        wanted = {row.parent for row in found.values() if row.parent} - rows.keys() - wanted
    return rows


def root_of(task: str, rows: Mapping[str, Task]) -> str:
    """The outermost task that this one is inside of; of a circle any."""
    seen: set[str | None] = {task}
    while task in rows and (parent := rows[task].parent) is not None:
        if parent in seen or parent not in rows:
            break
        seen.add(parent)
        task = parent
    return task
