"""No fork while a thread of ours imports: in the child the same import would never end.

Python locks each module while it is being imported, and a child inherits the lock without the
thread that would open it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_WAIT_SECONDS = 2.0  # a fork waits no longer; an import takes a tenth of that
_lock = threading.RLock()


@contextmanager
def importing() -> Iterator[None]:
    """Around an import that is made late, in whatever thread comes to need it first."""
    with _lock:
        yield


def _before() -> None:
    _lock.acquire(timeout=_WAIT_SECONDS)


def _after_in_parent() -> None:
    with suppress(RuntimeError):  # it waited in vain
        _lock.release()


def _after_in_child() -> None:
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
    )
