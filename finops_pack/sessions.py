"""Calls in order of start, by session or task, streamed: no more than a day is held at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any

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

    A sequence may come in any order, and those of one moment in theirs; an iterator must be in
    order already.
    """
    if isinstance(calls, Sequence):
        calls = sorted(calls, key=attrgetter("start_us"))
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


def tool_results(calls: Iterable[Call]) -> list[dict[str, Mapping[str, Any]]]:
    """For each call, in order of start, what the tools that it asked for gave, by their ids.

    An id may be used again: a result is of the last call that asked under it.
    """
    found: list[dict[str, Mapping[str, Any]]] = []
    open_: dict[str, int] = {}
    for place, call in enumerate(calls):
        told = {str(r["tool_call_id"]): r for r in call.tool_results if r.get("tool_call_id")}
        for name in [name for name in told if name in open_]:
            found[open_.pop(name)][name] = told.pop(name)
        asked = ids(call.tool_calls, "id")
        found.append({name: told[name] for name in asked if name in told})
        open_.update((name, place) for name in asked if name not in told)
    return found


def threads(calls: Sequence[Call]) -> list[int]:
    """For each call of a session, in order, the number of the conversation that it goes on with.

    Agents of one name may be at work at once, or one after the other: what one was told the other
    was not. They are told apart by the call that started them, and by who carried on the results
    of whose tools: an agent that waits for its tools is not gone on with by another call.
    """
    whose = _whose(calls)
    carries = _carries(calls, whose)
    waits = set(carries.values())
    idle: dict[tuple[str, str], int] = {}
    found: list[int] = []
    for place, own in enumerate(whose):
        before = carries.get(place)
        thread = idle.get(own, place) if before is None else found[before]
        found.append(thread)
        if place not in waits:
            idle[own] = thread
        elif idle.get(own) == thread:
            del idle[own]
    return found


def _whose(calls: Sequence[Call]) -> list[tuple[str, str]]:
    agents = {call.id: call.agent or "" for call in calls}
    return [whose(call, agents) for call in calls]


def whose(call: Call, agents: Mapping[str, str]) -> tuple[str, str]:
    """The agent of a call, and the call of another agent that started it, if one did.

    `agents` are those of the calls before it, by the call's id.
    """
    agent, above = call.agent or "", call.parent or ""
    return agent, above if agents.get(above, agent) != agent else ""


def _carries(calls: Sequence[Call], whose: Sequence[tuple[str, str]]) -> dict[int, int]:
    """Places: of a call that brings in tools' results -> of the agent's own that asked for them.

    What an agent hands on to another one does not keep it waiting.
    """
    coming: dict[tuple[tuple[str, str], str], int] = {}
    carries: dict[int, int] = {}
    for place in range(len(calls) - 1, -1, -1):
        own, call = whose[place], calls[place]
        asked = ((own, i) for i in ids(call.tool_calls, "id"))
        answered = [coming.pop(key) for key in asked if key in coming]
        if answered:
            carries.setdefault(min(answered), place)
        coming.update(((own, i), place) for i in ids(call.tool_results, "tool_call_id"))
    return carries


def ids(listed: Iterable[Mapping[str, Any]], name: str) -> list[str]:
    """The ids in a call's tool calls (`id`) or tool results (`tool_call_id`)."""
    return [str(one[name]) for one in listed if one.get(name)]
