"""The one door to the logger `finops_pack`; nothing of ours logs past it.

Our threads log while the host may fork. Whatever a handler holds then, such as the lock of
`sys.stderr`, would never open in the child, so a fork waits until we are through.
"""

from __future__ import annotations

import functools
import os
import threading

from finops_pack import forks

_WAIT_SECONDS = 0.25  # a fork waits no longer for a handler that hangs
_lock = threading.RLock()
_held: list[bool] = []


def warning(message: str, error: BaseException | None = None) -> None:
    """Log one warning; never raises, whatever the host's handlers do."""
    _say("WARNING", message, error)


def info(message: str) -> None:
    """Log what is worth knowing and nobody's concern; never raises."""
    _say("INFO", message, None)


def keep_quiet(logger: str, name: str) -> None:
    """Nobody hears what this logger of others warns of a thing of ours: we say it ourselves."""
    with forks.barred():
        import logging

    class Ours(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            told = (record.threadName, *(record.args or ()))
            return not any(str(one).startswith(name) for one in told)

    logging.getLogger(logger).addFilter(Ours())


def _say(level: str, message: str, error: BaseException | None) -> None:
    with forks.barred():
        import logging

    _mind_forks()
    try:
        with _lock:
            log = logging.getLogger("finops_pack")
            log.log(getattr(logging, level), "finops: %s", message, exc_info=error)
    except Exception:  # noqa: BLE001, S110 - a broken logging set-up is the host's affair
        pass


@functools.cache
def _mind_forks() -> None:
    """Hold forks off, from now on; after `logging` has said so itself, so that ours comes first."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before, after_in_parent=_after, after_in_child=_after_in_child)
    forks.come_first()


def _before() -> None:
    _held.append(_lock.acquire(timeout=_WAIT_SECONDS))


def _after() -> None:
    if _held.pop():
        _lock.release()


def _after_in_child() -> None:
    global _lock
    _held.clear()
    _lock = threading.RLock()
