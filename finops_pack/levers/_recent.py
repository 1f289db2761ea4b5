"""What is known of things that go on (sessions, tasks, prefixes), of the most recent alone."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from itertools import chain
from typing import Any, Generic, TypeVar

KEPT = 5_000

T = TypeVar("T")


def _forget(ended: Mapping[Any, Any]) -> None:
    """Nothing is made of what is over."""


class Recent(Generic[T]):
    """States by key, at most `2 * KEPT`; what was silent while `KEPT` others spoke is over.

    Two generations do that at the price of one look into a dict: what is used moves into the
    younger, and when that is full the older is over as a whole, and told of in one go.
    """

    def __init__(self, over: Callable[[Mapping[Any, T]], None] = _forget) -> None:
        self._over = over
        self._young: dict[Hashable, T] = {}
        self._old: dict[Hashable, T] = {}

    def get(self, key: Hashable) -> T | None:
        """The state of what goes on; None when it begins."""
        state = self._young.get(key)
        if state is None and key in self._old:
            state = self._old[key]
            self.put(key, state)
        return state

    def put(self, key: Hashable, state: T) -> None:
        """Begin something, or put another state in place of the one it had."""
        self._old.pop(key, None)
        self._young[key] = state
        if len(self._young) >= KEPT:
            ended, self._old, self._young = self._old, self._young, {}
            self._over(ended)

    def items(self) -> Iterator[tuple[Any, T]]:
        """What still goes on."""
        return chain(self._old.items(), self._young.items())

    def close(self) -> None:
        """All is over."""
        ended = dict(self.items())
        self._old, self._young = {}, {}
        self._over(ended)
