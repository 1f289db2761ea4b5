from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops_pack import score, waste
from finops_pack.model import VERIFIERS, Call, Segment
from finops_pack.money import plain
from finops_pack.waste import _tally
from tests.facts import FACTS, call, side_by_side
from tests.memory import traced
from tests.waste.conftest import Context

NAMES = (
    "retries", "hallucination_recovery", "repeat_calls", "cold_cache", "unused_context",
    "unused_tools", "runaway_output",
)  # fmt: skip
tokens = st.integers(0, 30_000)


@st.composite
def some_calls(draw: st.DrawFn) -> list[Call]:
    """Up to 40 calls of three sessions with every kind of trouble, no two of one moment."""
    made = []
    for place in range(draw(st.integers(0, 40))):
        read, rest, out = draw(tokens), draw(tokens), draw(st.sampled_from([50, 100, 40_000]))
        use = {"name": draw(st.sampled_from(["read", "bash"])), "args_hash": "a"}
        use["result_hash"] = draw(st.sampled_from(["r", "q"]))
        made.append(
            call(
                place + draw(st.sampled_from([0, 0.5, 30.25])),
                id=f"{place}",
                session=draw(st.sampled_from(["s", "t", None])),
                task=draw(st.sampled_from(["x", "y"])),
                agent=draw(st.sampled_from(["a", "b"])),
                model=draw(st.sampled_from(["big", "small", "unheard of"])),
                status=draw(st.sampled_from(["ok", "ok", "error", "cache_hit"])),
                error_type="RateLimitError",
                request_hash=draw(st.sampled_from(["h", "i", None])),
                verifier=draw(st.sampled_from([None, None, *VERIFIERS])),
                tool_calls=[use] if draw(st.booleans()) else [],
                input_tokens=read + rest,
                cache_read_tokens=read,
                output_tokens=out,
                attempts=draw(st.integers(1, 3)),
                billed_pico=draw(st.sampled_from([None, None, 10**9])),
            )
        )
    return made


@st.composite
def with_segments(draw: st.DrawFn) -> tuple[list[Call], list[Segment]]:
    """Calls, and segments that some of them held."""
    calls = draw(some_calls())
    segments = []
    for name in range(draw(st.integers(0, 5)) if calls else 0):
        first, last = sorted(draw(st.integers(0, len(calls) - 1)) for _ in range(2))
        kind = draw(st.sampled_from(["tool_result", "tool_schema"]))
        p = None if kind == "tool_schema" else draw(st.sampled_from([None, 0.1, 0.95, 1.0]))
        segments.append(
            Segment(
                draw(st.sampled_from(["s", "t", "x"])), f"{name}.m", kind, draw(tokens),
                calls[first].id, calls[last].id, last - first + 1, p, source=f"tool{name}",
            )
        )  # fmt: skip
    return calls, segments


@settings(deadline=None, max_examples=60)
@given(with_segments())
def test_no_dollar_counts_twice(drawn: tuple[list[Call], list[Segment]]) -> None:
    calls, segments = drawn
    found = waste.find(calls, Context(segments))
    assert found.total_usd == sum(c.amount_usd for c in calls if c.reached_provider)
    assert found.avoidable_usd <= found.total_usd
    assert all(f.usd >= 0 for f in found.findings)
    for part in found.categories.values():
        assert part.usd <= found.total_usd
    spent = {c.id: c.amount_usd for c in calls if c.reached_provider}
    for finding in found.findings:
        assert finding.usd <= sum(spent[named] for named in finding.calls)
        assert set(finding.calls) <= spent.keys()
    _each_call_alone(calls, segments, found)


def _each_call_alone(calls: list[Call], segments: list[Segment], found: waste.Waste) -> None:
    """Findings that name one call together claim no more than it cost."""
    claimed: dict[str, Decimal] = {}
    for finding in found.findings:
        if len(finding.calls) == 1:
            claimed[finding.calls[0]] = claimed.get(finding.calls[0], Decimal(0)) + finding.usd
    for one in calls:
        assert claimed.get(one.id, Decimal(0)) <= one.amount_usd


@settings(deadline=None, max_examples=40)
@given(with_segments(), st.randoms(use_true_random=False))
def test_order_of_calls_does_not_matter(drawn: tuple[list[Call], list[Segment]], rng: Any) -> None:
    calls, segments = drawn
    shuffled = list(calls)
    rng.shuffle(shuffled)
    assert waste.find(shuffled, Context(segments)) == waste.find(calls, Context(segments))


@settings(deadline=None, max_examples=40)
@given(with_segments(), tokens)
def test_a_call_without_waste_avoids_nothing(
    drawn: tuple[list[Call], list[Segment]], size: int
) -> None:
    calls, segments = drawn
    good = call(7, id="good", session="new", action="other", input_tokens=size, output_tokens=90)
    before = waste.find(calls, Context(segments))
    after = waste.find([*calls, good], Context(segments))
    assert after.avoidable_usd == before.avoidable_usd
    assert after.total_usd == before.total_usd + good.amount_usd


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 30), st.integers(2_000, 50_000))
def test_a_session_without_waste_has_none(steps: int, start: int) -> None:
    calls = [
        call(i, session="s", input_tokens=start + i * 500, output_tokens=100, request_hash=f"{i}",
             cache_read_tokens=start + (i - 1) * 500 if i else 0,
             cache_write_5m_tokens=500 if i else start)
        for i in range(steps)
    ]  # fmt: skip
    found = waste.find(calls, FACTS)
    assert (found.findings, found.categories, found.unknown) == ((), {}, {})


def troubled(session: str, start: float) -> list[Call]:
    """A session with a retry, a recovery, a repeat, a cold call and an unused tool."""
    use = [{"id": "t", "name": "read", "args_hash": "a", "result_hash": "r"}]

    def step(minute: float, **more: Any) -> Call:
        fields = {"id": f"{session}{minute}", "session": session, "input_tokens": 5_000, **more}
        return call(start + minute, **fields)

    return [
        step(0, cache_write_5m_tokens=5_000, tool_calls=use),
        step(1, status="error", error_type="503", request_hash="h"),
        step(1.5, request_hash="h", cache_read_tokens=5_000, verifier="format"),
        step(2, cache_read_tokens=5_000),
        step(3, cache_read_tokens=5_000, tool_calls=use),
        step(20),
    ]


def test_eight_workers_find_what_one_finds() -> None:
    calls = troubled("s", 0)
    first, last = calls[0].id, calls[-1].id

    def seen(process: str, held: int) -> list[Segment]:
        schema = Segment("s", f"x.{process}", "tool_schema", 400, first, last, held, source="mail")
        doc = Segment("s", f"d.{process}", "tool_result", 900, first, last, held, p_unused=0.8)
        return [schema, doc]

    alone = waste.find(calls, Context(seen("one", 6)))
    workers = [s for n in range(6) for s in seen(f"w{n}", 1)]
    together = waste.find(calls, Context(workers))
    assert "unused_context" in alone.categories
    assert "unused_context" not in together.categories
    assert together.unknown["unused_context"].tokens > 0
    for name in NAMES:
        if name not in ("unused_context", "runaway_output"):
            assert together.categories[name] == alone.categories[name]


def test_dollars_of_estimated_tokens_are_not_measured() -> None:
    def basis(said: str) -> str:
        fields: Any = {"session": "s", "usage_basis": said, "input_tokens": 1_000}
        lost = call(0, status="error", error_type="ReadTimeout", **fields)
        found = waste.find([lost, call(1, **fields)], FACTS)
        assert found.findings[0].basis == found.categories["retries"].basis
        return found.findings[0].basis

    assert [basis("measured"), basis("estimated")] == ["measured", "estimated"]


def test_rules_are_found_in_their_order() -> None:
    assert tuple(rule.CATEGORY for rule in waste.rules()) == NAMES


def test_the_document(found: Any) -> None:
    result = waste.find(troubled("s", 0), FACTS)
    told = result.to_dict()
    assert told["total_cost_usd"] == plain(result.total_usd)
    assert told["categories"]["retries"] == {"usd": "0.015", "basis": "measured", "calls": 1}
    assert told["unknown"]["unused_context"]["why"] == [
        "the prompts were not seen, only their counts"
    ]
    assert [row["category"] for row in result.to_dicts()] == list(result.categories)


def test_of_a_stream_nothing_is_held_but_the_dearest_findings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_tally, "KEPT", 50)
    monkeypatch.setattr(waste, "BATCH", 100)

    def stream(days: int) -> Iterator[Call]:
        for day in range(days):
            for n in range(20):
                yield from troubled(f"{day}/{n}", day * 1440 + n * 60)

    def peak(days: int) -> int:
        with traced() as most:
            assert len(waste.find(stream(days), FACTS).findings) == 50
            return most()

    peak(2)
    assert peak(24) < 2 * peak(6)  # prices are kept by day


def test_what_is_left_out_is_counted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [one for n in range(9) for one in troubled(f"s{n}", n * 700)]
    every = waste.find(calls, FACTS)
    monkeypatch.setattr(_tally, "KEPT", 4)
    some = waste.find(calls, FACTS)
    assert some.findings == every.findings[:4]
    assert some.left_out == len(every.findings) - 4
    assert (some.categories, some.unknown, some.days) == (
        every.categories, every.unknown, every.days
    )  # fmt: skip
    assert sum(every.days.values()) == every.avoidable_usd


def test_a_stream_finds_what_a_list_finds() -> None:
    calls = [one for n in range(30) for one in troubled(f"s{n}", n * 100)]
    assert waste.find(iter(calls), FACTS) == waste.find(calls, FACTS)


def test_nothing_is_nothing() -> None:
    assert waste.find([], FACTS) == waste.Waste()
    assert waste.find([replace(call(0, input_tokens=9), status="cache_hit")], FACTS).total_usd == 0


@pytest.mark.parametrize(("count", "usd"), [(19, "1"), (20, "0.09")])
def test_too_little_to_judge(count: int, usd: str) -> None:
    each = int(Decimal(usd) * 10**12 / count)
    calls = [call(i, billed_pico=each) for i in range(count)]
    judged = score.score(calls, waste.find(calls, FACTS), FACTS)
    assert judged.score is None
    assert judged.reason is not None
    assert judged.reason.startswith("insufficient data")


def test_agents_of_one_name_at_work_at_once_waste_nothing_of_each_other() -> None:
    assert waste.find(side_by_side(), FACTS).findings == ()
    rejected = [replace(c, verifier="edit" if c.id == "a2" else None) for c in side_by_side()]
    [found] = waste.find(rejected, FACTS).findings
    assert found.calls == ("a3",)
