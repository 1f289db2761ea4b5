"""Warnings of the ledger: once an hour and cause, through the logger `finops_pack`."""

from __future__ import annotations

import time

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
    import logging

    try:
        level = logging.INFO if known else logging.WARNING
        logging.getLogger("finops_pack").log(level, "finops: %s", message)
    except Exception:  # noqa: BLE001, S110 - a broken logging set-up is the host's affair
        pass


def forget() -> None:
    """Say everything anew; for tests."""
    _said.clear()
