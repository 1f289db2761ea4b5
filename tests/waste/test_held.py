"""A long session with much context takes no more than its calls and its segments together."""

from __future__ import annotations

from collections.abc import Iterator

from finops_pack.model import Call, Segment
from finops_pack.waste import cold_cache, unused_context, unused_tools
from finops_pack.waste._ground import Ground
from tests.facts import call
from tests.waste.conftest import Context


class Session(list[Call]):
    """Calls that count how often they were gone through."""

    read = 0

    def __iter__(self) -> Iterator[Call]:
        self.read += 1
        return super().__iter__()


def segments(count: int, kind: str = "tool_result") -> list[Segment]:
    return [
        Segment("s", f"{n}.m", kind, 50, f"c{n}", f"c{n + 3}", 4, 0.5, source=f"t{n}")
        for n in range(count)
    ]


def test_a_segment_does_not_go_through_all_calls() -> None:
    read = {}
    for count in (5, 40):
        held = [*segments(count), *segments(count, "tool_schema")]
        calls = Session(call(n, session="s", input_tokens=9000) for n in range(50))
        ground = Ground(Context(held))
        ground.begin([calls])
        for rule in (cold_cache, unused_context, unused_tools):
            list(rule.find(calls, ground))
        read[count] = calls.read
    assert read[5] == read[40]


def test_context_is_resent_while_both_calls_hold_it() -> None:
    """Each prompt begins anew (a clock in it), so only known segments stand in two of them."""
    calls = [
        call(n, session="s", input_tokens=9000, cache_write_5m_tokens=9, prefix_hashes=(f"p{n}",))
        for n in range(6)
    ]
    held = [
        Segment("s", "a.m", "user", 2000, "c0", "c2", 3),
        Segment("s", "b.m", "user", 3000, "c1", "c4", 4),
        Segment("s", "c.m", "user", 4000, "c4", "c4", 1),
        Segment("s", "d.m", "user", 5000, "c3", "elsewhere", 9),
    ]
    ground = Ground(Context(held))
    ground.begin([calls])
    found = [(one.call.id, one.tokens) for one in cold_cache.losses_of(calls, ground)]
    assert found == [("c1", 2000), ("c2", 5000), ("c3", 3000), ("c4", 3000)]
