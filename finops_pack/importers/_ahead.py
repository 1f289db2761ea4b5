"""Many logs are read in other processes while this one books: parsing takes most of the time."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from finops_pack.importers._contract import Importer
from finops_pack.importers._state import Item, State, nothing

if TYPE_CHECKING:
    from concurrent.futures import Future

MANY = 32 * 2**20  # bytes from which starting processes pays
AHEAD = 64  # files that may be read and not yet booked
UNREADABLE = (OSError, EOFError, zlib.error)

Task = tuple[Path, State]
Told = tuple[list[Item], State, Exception | None]


def read(importer: Importer, tasks: Sequence[Task], size: int) -> Iterator[Iterable[Item]]:
    """What each file holds, in order; the task's state has moved on when it was gone through.

    `size` is the bytes of all. Going through raises one of `UNREADABLE` behind what was readable.
    """
    workers = min(4, len(tasks), os.cpu_count() or 1)
    alone = sys.platform != "linux" or threading.active_count() > 1  # a fork takes no threads along
    if size < MANY or workers < 2 or alone:
        yield from (importer.read(*task) for task in tasks)
    else:
        yield from _by_others(importer, tasks, workers)


def _by_others(importer: Importer, tasks: Sequence[Task], workers: int) -> Iterator[Iterable[Item]]:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    try:
        pool = ProcessPoolExecutor(workers, get_context("fork"), _ignore_interrupts)
    except (OSError, ImportError, NotImplementedError):  # no shared memory, as in some containers
        yield from (importer.read(*task) for task in tasks)
        return
    waiting: deque[tuple[Task, Future[Told]]] = deque()
    try:
        for path, state in tasks:
            asked = pool.submit(_one, importer.__name__, path, replace(state, peek=nothing))
            waiting.append(((path, state), asked))
            if len(waiting) > AHEAD:
                yield _answer(importer, *waiting.popleft())
        while waiting:
            yield _answer(importer, *waiting.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _ignore_interrupts() -> None:
    """Ctrl-C is the parent's affair."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _one(module: str, path: Path, state: State) -> Told:
    items: list[Item] = []
    try:
        items.extend(importlib.import_module(module).read(path, state))
    except UNREADABLE as error:
        return items, state, error
    return items, state, None


def _answer(importer: Importer, task: Task, asked: Future[Told]) -> Iterable[Item]:
    from concurrent.futures import BrokenExecutor

    try:
        items, told, error = asked.result()
    except BrokenExecutor:  # a reader was killed: read it here
        return importer.read(*task)
    state = task[1]
    state.offset, state.line, state.memory = told.offset, told.line, told.memory
    return _then(items, error)


def _then(items: list[Item], error: Exception | None) -> Iterator[Item]:
    yield from items
    if error is not None:
        raise error
