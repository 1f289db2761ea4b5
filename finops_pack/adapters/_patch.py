"""Put something of ours around a function of somebody else's, once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from finops_pack import recorder


def replace(owner: Any, name: str, wrap: Callable[[Any], Any]) -> None:
    """Replace `owner.name` by `wrap(owner.name)`; idempotent. What is gone is said once."""
    original = getattr(owner, name, None)
    if original is None:
        recorder.warn_once(f"{_named(owner)}.{name} is gone: what it told is not seen")
        return
    if getattr(original, "finops", False):
        return
    made: Any = functools.wraps(original)(wrap(original))
    made.finops = True
    setattr(owner, name, made)


def _named(owner: Any) -> str:
    return str(getattr(owner, "__module__", None) or getattr(owner, "__name__", owner))
