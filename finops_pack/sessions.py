"""Calls in order of start, by session or task, streamed: no more than a day is held at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence

from finops_pack.model import Call

SILENT_US = 24 * 3600 * 1_000_000  # no provider keeps a cache for longer


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
