"""The calls of a period as the analyses read them: kept while they are few, else read anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from finops_pack.model import Call

KEPT = 20_000  # calls, some 40 MB


class Flow:
    """Calls in order of start, any number of times; many are never held together."""

    def __init__(self, read: Callable[[], Iterator[Call]]) -> None:
        self._read = read
        self._kept: list[Call] | None = None

    def __iter__(self) -> Iterator[Call]:
        return self._reading() if self._kept is None else iter(self._kept)

    def _reading(self) -> Iterator[Call]:
        seen: list[Call] | None = []
        for call in self._read():
            if seen is not None:
                seen.append(call)
                seen = seen if len(seen) <= KEPT else None
            yield call
        self._kept = seen
