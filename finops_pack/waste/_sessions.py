"""Calls by session, streamed: a session is handed on once it has been silent for a day."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from finops_pack.model import Call

SILENT_US = 24 * 3600 * 1_000_000  # no provider keeps a cache for longer
BATCH = 500  # sessions whose segments are asked for at once


def session_of(call: Call) -> str:
    """What a call belongs to: its session, else its task, else itself."""
    return call.session or call.task or call.id


def sessions(calls: Iterable[Call]) -> Iterator[list[Call]]:
    """The calls that reached a provider, by session, in order of start."""
    if isinstance(calls, Sequence):
        calls = sorted(calls, key=lambda c: (c.start_us, c.id, c.source))
    open_: OrderedDict[str, list[Call]] = OrderedDict()
    for call in calls:
        if not call.reached_provider:
            continue
        key = session_of(call)
        while open_ and call.start_us - next(iter(open_.values()))[-1].start_us > SILENT_US:
            yield open_.popitem(last=False)[1]
        open_.setdefault(key, []).append(call)
        open_.move_to_end(key)
    yield from open_.values()


def batches(groups: Iterator[list[Call]]) -> Iterator[list[list[Call]]]:
    """A few hundred sessions at a time."""
    while batch := list(islice(groups, BATCH)):
        yield batch
