"""No fork while a thread of ours is where its child would never get out of: an import, SQLite.

Both lock what they work on, and a child inherits the locks without the thread that would open
them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

before: list[Callable[[], None]] = []
"""Called before a fork, once nobody is in SQLite; may not raise."""

cut_off = False
"""Whether this process comes of a fork for which somebody stayed in SQLite: it is not to be used.

What its child has of SQLite is in the midst of something, and holds locks that the child has not:
it might wait for ever, and what it wrote would be lost when another process closes the database.
"""

_WAIT_SECONDS = 2.0  # a fork waits no longer; an import takes a tenth of that


class _Bar:
    """How many threads are inside, and whether a fork waits for them."""

    def __init__(self) -> None:
        self.inside = 0
        self.in_sqlite = 0  # of them
        self.wanted = False
        self.changed = threading.Condition()
        self.mine = threading.local()  # `depth`: a thread inside may go deeper; `forks`: it does


_bar = _Bar()


@contextmanager
def barred(*, sqlite: bool = False) -> Iterator[None]:
    """Around an import that is made late, and what is done in SQLite, in whatever thread it is."""
    bar = _bar
    depth = getattr(bar.mine, "depth", 0)
    bar.mine.depth = depth + 1
    if not depth or sqlite:
        with bar.changed:
            if not depth:
                bar.changed.wait_for(lambda: not bar.wanted, _WAIT_SECONDS)
            bar.inside += not depth
            bar.in_sqlite += sqlite
    try:
        yield
    finally:
        bar.mine.depth = depth
        if not depth or sqlite:
            with bar.changed:
                bar.inside -= not depth
                bar.in_sqlite -= sqlite
                bar.changed.notify_all()


def come_first() -> None:
    """Be asked before `logging` is: a thread that is to get out may need the lock that it holds."""
    with barred():
        import logging  # noqa: F401 - what registers first is asked last
    _register()


def _before() -> None:
    if getattr(_bar.mine, "forks", False):
        return  # registered again
    _bar.mine.forks = True
    _bar.changed.acquire()
    _bar.wanted = True
    _bar.changed.wait_for(lambda: not _bar.inside, _WAIT_SECONDS)
    _bar.wanted = False
    if not _bar.in_sqlite:
        for tell in before:
            tell()


def _after_in_parent() -> None:
    _bar.mine.forks = False
    with suppress(RuntimeError):
        _bar.changed.notify_all()
        _bar.changed.release()


def _after_in_child() -> None:
    global _bar, cut_off
    cut_off = cut_off or _bar.in_sqlite > 0
    _bar = _Bar()


def _register() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
        )


_register()
