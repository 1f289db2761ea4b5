"""Who waits for a call's answer or takes the steps of a run, and whether he is still at it.

A call that is cancelled in the very task that asked ends without a word in some frameworks, and
between the steps of a stream the user's code runs. Neither may own or name what is called next: so
it is asked whether the function that began it is on the stack.
"""

from __future__ import annotations

import sys
import threading
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from types import CodeType, FrameType
from typing import Any

_WAITS = CO_COROUTINE | CO_ASYNC_GENERATOR
_STEPS = CO_GENERATOR | CO_ASYNC_GENERATOR


class Waiting:
    """A function, and the asyncio task or thread that it was called in."""

    __slots__ = ("code", "strand")

    def __init__(self, strand: Any, code: CodeType) -> None:
        self.strand, self.code = strand, code

    def gone(self, seen_from: FrameType | None) -> bool:
        """True where it was called and is no more; another task or thread may work for it."""
        if _strand() != self.strand:
            return False
        frame: FrameType | None = seen_from or sys._getframe(1)
        while frame is not None:
            if frame.f_code is self.code:
                return False
            frame = frame.f_back
        return True


class Stepping:
    """A generator: what is called while it is at its next step is its own, nothing else."""

    __slots__ = ("code", "frame")

    def __init__(self, frame: FrameType) -> None:
        self.code, self.frame = frame.f_code, id(frame)  # its own as long as the generator lives

    def gone(self, seen_from: FrameType | None) -> bool:
        """True between its steps, and in any other task or thread."""
        frame: FrameType | None = seen_from or sys._getframe(1)
        while frame is not None:
            if id(frame) == self.frame and frame.f_code is self.code:
                return False
            frame = frame.f_back
        return True


def here(frame: FrameType | None, beside: str | None = None) -> Waiting | None:
    """The innermost coroutine from `frame` on, None outside of a task.

    Those of the file `beside` only told us.
    """
    task = _task()
    while task is not None and frame is not None:
        code = frame.f_code
        if code.co_flags & _WAITS and code.co_filename != beside:
            return Waiting(task, code)
        frame = frame.f_back
    return None


def stream(frame: FrameType | None, beside: str) -> Waiting | None:
    """The first function from `frame` on outside of the file `beside`, if it is a generator."""
    while frame is not None and frame.f_code.co_filename == beside:
        frame = frame.f_back
    if frame is None or not steps(frame):
        return None
    return Waiting(_strand(), frame.f_code)


def steps(frame: FrameType) -> bool:
    """Whether it is a generator's."""
    return bool(frame.f_code.co_flags & _STEPS)


def _strand() -> Any:
    return _task() or threading.get_ident()


def _task() -> Any:
    asyncio = sys.modules.get("asyncio")  # whoever runs a task has imported it
    if asyncio is None or asyncio._get_running_loop() is None:
        return None
    return asyncio.current_task()
