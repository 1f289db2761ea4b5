from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from finops_pack.model import Call
from finops_pack.query import flow
from tests.facts import call


@pytest.mark.parametrize(("count", "reads"), [(3, 1), (4, 2)])
def test_few_calls_are_kept_and_many_are_read_anew(
    monkeypatch: pytest.MonkeyPatch, count: int, reads: int
) -> None:
    monkeypatch.setattr(flow, "KEPT", 3)
    asked = itertools.count()

    def read() -> Iterator[Call]:
        next(asked)
        return (call(n, id=f"{n}") for n in range(count))

    calls = flow.Flow(read)
    assert [[one.id for one in calls] for _ in range(2)] == [[f"{n}" for n in range(count)]] * 2
    assert next(asked) == reads


def test_what_was_read_in_part_is_not_taken_for_the_whole() -> None:
    calls = flow.Flow(lambda: (call(n, id=f"{n}") for n in range(3)))
    next(iter(calls))
    assert len(list(calls)) == 3
