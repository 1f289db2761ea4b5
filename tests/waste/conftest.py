"""Facts with segments, and waste found in a handful of calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pytest

from finops_pack import waste
from finops_pack.model import Call, Finding, Segment
from tests.facts import Table

Find = Callable[..., list[Finding]]


class Context(Table):
    """The small table, and segments of context."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        super().__init__()
        self._segments = segments

    def segments(self, sessions: Iterable[str]) -> Sequence[Segment]:
        wanted = set(sessions)
        return [s for s in self._segments if s.session in wanted]


@pytest.fixture
def found() -> Find:
    """`found(category, *calls, segments=…)`: the findings of one category."""

    def find(category: str, *calls: Call, segments: Sequence[Segment] = ()) -> list[Finding]:
        result = waste.find(calls, Context(segments))
        return [f for f in result.findings if f.category == category]

    return find
