"""A ledger that is asked each question once: a screen asks many again, a round trip each."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from finops_pack.query.absent import Books

SHORT = ("totals", "days", "span", "documents", "spent")  # whose answers are small enough to keep


class _Once:
    def __init__(self, ledger: Books) -> None:
        self._ledger = ledger
        for name in SHORT:
            setattr(self, name, lru_cache(getattr(ledger, name)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


def once(ledger: Books) -> Books:
    """The ledger as one reader sees it: the same answer however often it asks."""
    return cast("Books", _Once(ledger))
