"""A child that a test forks: it ends where its work does, and what it raised is the parent's."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from typing import NoReturn


class Child:
    """`work` in a forked child, whose exit code it gives (None is 0)."""

    def __init__(self, work: Callable[[], int | None]) -> None:
        self._fault, tell = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            _work(work, tell)
        os.close(tell)

    def ended(self) -> int:
        """Its exit code once it is over, -9 if it was killed; raises what it raised, as text."""
        with open(self._fault) as file:
            fault = file.read()
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        assert not fault, f"in the child:\n{fault}"
        return code


def _work(work: Callable[[], int | None], tell: int) -> NoReturn:
    """Never returns: the child of a test runner would go on with the tests."""
    code = 1
    try:
        code = work() or 0
    except BaseException:
        os.write(tell, traceback.format_exc().encode())
    finally:
        os._exit(code)
