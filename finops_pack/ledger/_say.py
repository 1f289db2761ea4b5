"""Warnings of the ledger: once an hour and cause, through the logger `finops_pack`."""

from __future__ import annotations

import time

_AGAIN_SECONDS = 3600.0
_said: dict[str, float] = {}


def warn(message: str, cause: str | None = None) -> None:
    """Say it unless the same cause was named within the hour; never raises."""
    now = time.monotonic()
    cause = cause or message
    if now - _said.get(cause, -_AGAIN_SECONDS) < _AGAIN_SECONDS:
        return
    _said[cause] = now
    import logging

    try:
        logging.getLogger("finops_pack").warning("finops: %s", message)
    except Exception:  # noqa: BLE001, S110 - a broken logging set-up is the host's affair
        pass


def forget() -> None:
    """Say everything anew; for tests."""
    _said.clear()
