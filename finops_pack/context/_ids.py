"""Ids of calls and tasks, and the time."""

from __future__ import annotations

import itertools
import os
import time


def _fresh_prefix() -> None:
    global _prefix
    _prefix = os.urandom(8).hex()


_prefix = ""
_count = itertools.count()
_fresh_prefix()
os.register_at_fork(after_in_child=_fresh_prefix)


def new_id() -> str:
    """An id of a call or task: random for this process, then counted (0.2 µs)."""
    return f"{_prefix}-{next(_count):x}"


def now_us() -> int:
    """Unix time in microseconds, UTC."""
    return time.time_ns() // 1000
