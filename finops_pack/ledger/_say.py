"""Warnings of the ledger: once an hour and cause, through the logger `finops_pack`."""

from __future__ import annotations

import time

from finops_pack import log

_AGAIN_SECONDS = 3600.0
_said: dict[str, float] = {}


def warn(message: str, cause: str = "storage") -> None:
    """Warn, unless the same cause was named within the hour: then it is news of level INFO.

    What cannot be stored shows in several places at once, so all of it has one cause.
    """
    now = time.monotonic()
    known = now - _said.get(cause, -_AGAIN_SECONDS) < _AGAIN_SECONDS
    if not known:
        _said[cause] = now
    (log.info if known else log.warning)(message)
