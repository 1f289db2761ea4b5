"""The one door to the logger `finops_pack`; nothing of ours logs past it.

Our threads log while the host may fork. Whatever a handler holds then, such as the lock of
`sys.stderr`, would never open in the child, so a fork waits until we are through. So does the end
of the process: Python breaks off with a fatal error where a thread that it stops holds that lock.
"""

from __future__ import annotations

import atexit
import functools
import os
import threading

from finops_pack import forks
from finops_pack.errors import FinOpsError

_WAIT_SECONDS = 0.25  # a fork, or the end, waits no longer for a handler that hangs
_lock = threading.RLock()
_held: list[bool] = []
_ending: int | None = None  # the thread in which the process ends; no other may log any more


def warning(message: str, error: BaseException | None = None) -> None:
    """Log one warning; never raises, whatever the host's handlers do."""
    _say("WARNING", message, error)


def info(message: str) -> None:
    """Log what is worth knowing and nobody's concern; never raises."""
    _say("INFO", message)


def keep_quiet(logger: str, name: str) -> None:
    """Nobody hears what this logger of others warns of a thing of ours: we say it ourselves."""
    with forks.barred():
        import logging

    class Ours(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            told = (record.threadName, *(record.args or ()))
            return not any(str(one).startswith(name) for one in told)

    logging.getLogger(logger).addFilter(Ours())


def _where(error: BaseException) -> str:
    """Of what kind an error is, and the lines of code that led to it.

    No handler is handed the error itself: what it says, what it came from and the variables there,
    which some handlers print, may be a prompt or an answer.
    """
    with forks.barred():
        import traceback

    said = error.strerror if isinstance(error, OSError) else None
    if isinstance(error, FinOpsError | AttributeError | ImportError):  # names alone
        said = str(error)
    kind = type(error).__name__
    lines = traceback.format_tb(error.__traceback__)
    return "".join([*lines, f"{kind}: {said}" if said else kind])


def _say(level: str, message: str, error: BaseException | None = None) -> None:
    with forks.barred():
        import logging

    _mind_forks()
    try:
        if error is not None:
            message = f"{message}\n{_where(error)}"
        with _lock:
            if _ending in (None, threading.get_ident()):
                log = logging.getLogger("finops_pack")
                log.log(getattr(logging, level), "finops: %s", message)
    except Exception:  # noqa: BLE001, S110 - broken logging, or a broken error, is the host's affair
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


def _at_exit() -> None:
    global _ending
    _ending = threading.get_ident()
    if _lock.acquire(timeout=_WAIT_SECONDS):
        _lock.release()


atexit.register(_at_exit)
