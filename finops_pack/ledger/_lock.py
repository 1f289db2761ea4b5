"""File locks that end with the process that holds them, whatever kills it."""

from __future__ import annotations

import os
import sys
import time

if sys.platform == "win32":  # pragma: no cover - the same meaning, untested
    import msvcrt

    _FAR = 0x7FFF0000  # outside of what is ever written: such locks are mandatory there

    def take(fd: int) -> bool:
        """Try to lock the open file; False when another one holds it."""
        os.lseek(fd, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def give(fd: int) -> None:
        """Unlock it."""
        os.lseek(fd, _FAR, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def take(fd: int) -> bool:
        """Try to lock the open file; False when another one holds it."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def give(fd: int) -> None:
        """Unlock it."""
        fcntl.flock(fd, fcntl.LOCK_UN)


def wait(fd: int, deadline: float) -> bool:
    """Try until `deadline` (`time.monotonic`); False when it has passed."""
    pause = 0.0002
    while not take(fd):
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, 0.005)
    return True
