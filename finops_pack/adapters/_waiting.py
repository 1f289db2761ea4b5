"""Who waits for a call's answer, and whether he still does.

A call that is cancelled in the very task that asked ends without a word in some frameworks. It
would own every later call of that task: so it is asked whether its function is still running.
"""

from __future__ import annotations

import sys
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE
from types import CodeType, FrameType
from typing import Any

_WAITS = CO_COROUTINE | CO_ASYNC_GENERATOR


class Waiting:
    """An asyncio task, and the function in it that asked."""

    __slots__ = ("code", "task")

    def __init__(self, task: Any, code: CodeType) -> None:
        self.task, self.code = task, code

    def gone(self, seen_from: FrameType | None) -> bool:
        """True in that very task outside of the function; another task may work for it."""
        if _task() is not self.task:
            return False
        frame: FrameType | None = seen_from or sys._getframe(1)
        while frame is not None:
            if frame.f_code is self.code:
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


def _task() -> Any:
    asyncio = sys.modules.get("asyncio")  # whoever runs a task has imported it
    if asyncio is None or asyncio._get_running_loop() is None:
        return None
    return asyncio.current_task()
