from __future__ import annotations

from decimal import Decimal
from typing import Any

from finops_pack import waste
from finops_pack.model import Call, Segment
from tests.facts import call
from tests.waste.conftest import Context

CATEGORY = "unused_context"
FRESH, WRITE, READ = (Decimal(p) / 10**6 for p in ("3", "3.75", "0.30"))


def segment(p: float | None, tokens: int = 1000, **fields: Any) -> Segment:
    named = {"id": "h.m", "first_call": "c0", "last_call": "c1", "calls_held": 2}
    named |= {"kind": "tool_result", **fields}
    return Segment("s", tokens=tokens, p_unused=p, **named)


def pair(read: int = 10_000, **fields: Any) -> tuple[Call, Call]:
    first = call(0, session="s", input_tokens=10_000, cache_write_5m_tokens=10_000, **fields)
    again = call(1, session="s", input_tokens=10_000, cache_read_tokens=read, **fields)
    return first, again


def test_expected_amount_fresh_at_first_then_read(found: Any) -> None:
    [one] = found(CATEGORY, *pair(), segments=[segment(0.5)])
    assert one.usd == Decimal("0.5") * 1000 * (WRITE + READ)
    assert one.basis == "estimated"
    assert one.title == "of 2,000 context tokens about 50% served no answer"


def test_what_cold_cache_has_counted_is_not_counted_again() -> None:
    result = waste.find(pair(read=0), Context([segment(0.5)]))
    unused = result.categories[CATEGORY].usd
    assert unused == Decimal("0.5") * 1000 * (WRITE + READ)
    assert result.categories["cold_cache"].usd == 10_000 * (FRESH - READ)


def test_the_narrow_reading_and_the_range(found: Any) -> None:
    sure = segment(0.95, id="sure.m")
    [one] = found(CATEGORY, *pair(), segments=[segment(0.5), sure])
    whole = 1000 * (WRITE + READ)
    assert one.usd_low == whole
    assert one.usd == Decimal("1.45") * whole
    assert one.usd_high == one.usd + Decimal("0.15") * 2 * whole
    assert "never referenced in any answer (the narrow reading): $0.004" in one.evidence[0]
    assert "tool result of 1,000 tokens, first sent by call c0 at 2026-03-01" in one.evidence[1]
    assert "held by 2 calls: unused with p = 0.95" in one.evidence[1]


def test_the_range_ends_at_what_is_left_of_the_calls(found: Any) -> None:
    calls = pair(verifier="schema")  # the second was spent on mending the first
    long = [segment(0.95, 4_500, id=f"{n}.m") for n in range(3)]  # bytes / 4 says too much
    [one] = found(CATEGORY, *calls, segments=long)
    assert one.usd_high == calls[0].amount_usd


def test_no_segment_is_named_below_nine_in_ten(found: Any) -> None:
    [one] = found(CATEGORY, *pair(), segments=[segment(0.9)])
    assert len(one.evidence) == 1
    assert one.usd_low == 0


def test_what_has_no_price_is_unknown_with_its_tokens() -> None:
    billed = pair(model="new", billed_pico=10**9)
    result = waste.find(billed, Context([segment(0.5), segment(None, kind="tool_schema")]))
    assert result.categories == {}
    assert {name: part.tokens for name, part in result.unknown.items()} == {
        CATEGORY: 1000, "unused_tools": 2000
    }  # fmt: skip


def test_a_session_shared_by_processes_is_unknown_with_its_tokens() -> None:
    seen_twice = [segment(0.9, id="h.one"), segment(0.9, id="h.two", calls_held=1)]
    result = waste.find(pair(), Context(seen_twice))
    assert CATEGORY not in result.categories
    assert result.unknown[CATEGORY].tokens == 2000


def test_a_session_cut_off_is_unknown_with_its_tokens() -> None:
    result = waste.find(pair(), Context([segment(None)]))
    assert CATEGORY not in result.categories
    assert result.unknown[CATEGORY].tokens == 2000


def test_prompts_that_nobody_saw_are_unknown_with_their_tokens() -> None:
    result = waste.find(pair(), Context([]))
    assert result.unknown[CATEGORY].tokens == 20_000
    assert result.unknown[CATEGORY].calls == 2
    seen = waste.find(pair(request_hash="h"), Context([]))  # seen, without context to judge
    assert CATEGORY not in seen.unknown


def test_other_agents_calls_did_not_hold_it(found: Any) -> None:
    mine, again = pair(agent="a")
    other = call(0.5, session="s", agent="b", input_tokens=10_000)
    [one] = found(CATEGORY, mine, other, again, segments=[segment(1.0)])
    assert one.calls == ("c0", "c1")


def test_a_period_that_cuts_a_session_counts_what_lies_in_it(found: Any) -> None:
    first, again = pair()
    segments = [segment(1.0)]
    [early] = found(CATEGORY, first, segments=segments)
    [late] = found(CATEGORY, again, segments=segments)
    assert (early.usd, late.usd) == (1000 * WRITE, 1000 * READ)
