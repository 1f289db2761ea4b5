"""Properties of the arithmetic: exact, additive, and the same on both paths."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops_pack import rates
from finops_pack.errors import InputError
from finops_pack.model import Usage
from finops_pack.money import to_pico
from finops_pack.rates.entries import Entry, Period, Window
from finops_pack.rates.plan import Found, make_plan
from finops_pack.rates.rate import Rate

COUNT = st.integers(0, 3_000_000)
PRICE = st.decimals(0, 1000, places=9).map(abs)
KINDS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
MODELS = (
    "gpt-4o", "gpt-5.4", "gpt-6-luna", "claude-sonnet-4", "claude-haiku-5-5", "claude-opus-4-6",
    "gemini-2.5-pro", "gemini-3.8-flash", "deepseek-v4-pro", "deepseek-v4-flash", "grok-4.6",
    "sonar-pro", "text-embedding-3-small", "omni-moderation-latest",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "nobody-knows-me",
)  # fmt: skip


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    read, w5, w1, fresh, out = (draw(COUNT) for _ in range(5))
    thought = draw(st.integers(0, out))
    return Usage(read + w5 + w1 + fresh, out, read, w5, w1, thought)


@settings(max_examples=600, deadline=None)
@given(st.dictionaries(st.sampled_from(KINDS), PRICE), usages())
def test_pico_is_the_decimal_price_rounded_half_even(
    prices: dict[str, Decimal], usage: Usage
) -> None:
    rate = Rate("x#1", prices, "", "")
    cost, pico = rate.cost(usage), rate.pico(usage)
    assert sum((part.usd for part in cost.components), Decimal(0)) == (cost.usd or 0)
    if cost.usd is None:
        assert pico is None
        assert set(cost.missing) <= set(KINDS)
    else:
        assert pico == to_pico(cost.usd)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(MODELS),
    usages(),
    st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31)),
    st.sampled_from([None, {"processing": "batch"}, {"service_tier": "flex"}, {"x": "y"}]),
)
def test_both_paths_say_the_same(
    model: str, usage: Usage, at: datetime, context: dict[str, str] | None
) -> None:
    cost = rates.price(model, usage, at=at, context=context)
    at_us = (at - datetime(1970, 1, 1)) // timedelta(microseconds=1)
    pico, state, rate_id, missing = rates.price_pico(model, usage, None, at_us, context)
    assert (state, rate_id, missing) == (cost.state, cost.rate_id, cost.missing)
    assert (pico is None) == (cost.usd is None) == (cost.state == "unpriced")
    if cost.usd is not None:
        assert pico == to_pico(cost.usd)
        assert sum((part.usd for part in cost.components), Decimal(0)) == cost.usd
        assert cost.rate_id is not None
    else:
        assert cost.reason


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["gpt-5.4", "gemini-2.5-pro", "claude-haiku-5-5", "grok-4.6"]),
    st.integers(0, 600_000),
    st.integers(1, 1000),
)
def test_more_input_never_costs_less(model: str, tokens: int, more: int) -> None:
    at = "2026-11-20T12:00:00Z"
    small = rates.price(model, Usage(tokens, 100), at=at).usd
    large = rates.price(model, Usage(tokens + more, 100), at=at).usd
    assert small is not None
    assert large is not None
    assert small < large


JUNK: Any = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)


@settings(max_examples=500, deadline=None)
@given(st.tuples(*[JUNK] * 6), JUNK | st.dictionaries(st.text(max_size=5), JUNK))
def test_whatever_is_counted_the_price_is_exact_or_refused(
    counts: tuple[Any, ...], extra: Any
) -> None:
    usage = Usage(*counts, extra)
    cost = rates.price("sonar-pro", usage)
    pico, state, _, _ = rates.price_pico("sonar-pro", usage, None, 1_790_000_000_000_000, None)
    if usage.problems:
        assert cost.state == state == "unpriced"
        assert pico is None
        assert "invalid usage" in (cost.reason or "")


@settings(max_examples=300, deadline=None)
@given(JUNK, JUNK, JUNK, JUNK)
def test_the_hot_path_never_raises(model: Any, provider: Any, at: Any, context: Any) -> None:
    answer = rates.price_pico(model, Usage(1, 1), provider, at, context)
    assert len(answer) == 4
    assert (answer[0] is None) == (answer[1] == "unpriced")


def test_what_is_free_is_free_and_what_is_empty_costs_nothing() -> None:
    free = rates.price("omni-moderation-latest", Usage(1000))
    assert (free.state, free.usd) == ("free", Decimal(0))
    empty = rates.price("gpt-4o", Usage())
    assert (empty.state, empty.usd, empty.components) == ("priced", Decimal(0), ())


def test_the_callers_decimal_context_does_not_matter() -> None:
    usage = Usage(123_456_789, 98_765_432, 3)
    expected = rates.price("gpt-4o", usage).usd
    with localcontext() as context:
        context.prec = 3
        assert rates.price("gpt-4o", usage).usd == expected


def test_time_is_an_instant_however_it_is_written() -> None:
    usage = Usage(1000)
    peak = rates.price("deepseek-v4-pro", usage, at="2026-11-20T07:30:00Z").usd
    east = timezone(timedelta(hours=5, minutes=30))
    for at in (
        "2026-11-20T07:30:00",
        "2026-11-20T13:00:00+05:30",
        datetime(2026, 11, 20, 7, 30),
        datetime(2026, 11, 20, 13, 0, tzinfo=east),
    ):
        assert rates.price("deepseek-v4-pro", usage, at=at).usd == peak
    with pytest.raises(InputError, match="not a time"):
        rates.price("gpt-4o", usage, at="next tuesday")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": 5}, "model: must be text, got 5"),
        ({"provider": 5}, "provider: must be text, got 5"),
        ({"usage": {"input_tokens": 5}}, "usage: must be a Usage"),
        ({"context": "batch"}, "context: must map words to words, got 'batch'"),
        ({"context": {"processing": ["batch"]}}, "context: must map words to words"),
        ({"context": {"processing": 5}}, "context: must map words to words"),
        ({"context": {5: "batch"}}, "context: must map words to words"),
        ({"at": date(2026, 11, 20)}, "not a time: datetime.date(2026, 11, 20)"),
        ({"at": 1_700_000_000}, "not a time: 1700000000"),
        ({"at": datetime(2026, 11, 20).time()}, "not a time"),
    ],
)
def test_an_argument_of_another_kind_is_refused_with_its_mend(
    given: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as caught:
        rates.price(**{"model": "gpt-4o", "usage": Usage(1000), **given})
    assert said in str(caught.value)
    assert caught.value.mend


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_in_extra_are_no_tokens(kind: str) -> None:
    usage = Usage(1000, 1000, extra={kind: 5})
    cost = rates.price("gpt-4o", usage)
    assert (cost.state, cost.usd) == ("unpriced", None)
    assert f"invalid usage: extra['{kind}']: tokens are counted in" in (cost.reason or "")
    assert rates.price_pico("gpt-4o", usage, None, 0, None)[:2] == (None, "unpriced")


@pytest.mark.parametrize("extra", [0, 5, None, "image", ["image"]])
def test_an_extra_that_maps_nothing_is_an_invalid_usage(extra: Any) -> None:
    cost = rates.price("gpt-4o", Usage(1000, extra=extra))
    assert cost.state == "unpriced"
    assert "extra: must map units to counts" in (cost.reason or "")


def test_a_window_may_cross_midnight() -> None:
    night = Window(22 * 60, 6 * 60, frozenset(), {})
    minute = 60_000_000
    assert [night.covers(h * 60 * minute) for h in (21, 22, 23, 0, 5, 6)] == [
        False, True, True, True, True, False,
    ]  # fmt: skip


def test_days_of_the_week_are_iso_days() -> None:
    day_us = 86_400_000_000
    for number in range(14):
        at = datetime(1970, 1, 1) + timedelta(days=number)
        window = Window(0, 1440, frozenset({at.isoweekday()}), {})
        assert [d for d in range(14) if window.covers(d * day_us)] == sorted(
            {number, (number + 7) % 14}
        )


def test_a_period_ends_where_it_says() -> None:
    price = {"input": ((0, Decimal(1)),)}
    entry = Entry("p", "m", (Period(1000, 2000, price),))
    plan = make_plan([Found(entry)], {})
    assert [plan.rate(at, 0) is not None for at in (999, 1000, 1999, 2000)] == [
        False, True, True, False,
    ]  # fmt: skip
    assert "in force" in plan.why(2000)


def test_an_id_leads_back_to_its_unit_prices() -> None:
    seen = set()
    for model, context, tokens in (
        ("gpt-5.4", {"service_tier": "flex"}, 300_000),
        ("gpt-5.4", {}, 10),
        ("gemini-2.5-pro", {"service_tier": "priority"}, 10),
        ("deepseek-v4-pro", {}, 10),
        ("azure/gpt-4.1", {}, 10),
    ):
        cost = rates.price(model, Usage(tokens, 1), at="2026-11-20T07:00Z", context=context)
        assert cost.rate_id is not None
        rates._seen.clear()  # as another process would see it
        behind = rates.unit_prices(cost.rate_id)
        assert behind is not None
        prices = behind["unit_prices"]
        assert isinstance(prices, dict)
        for part in cost.components:
            assert Decimal(prices[part.kind]) == part.usd_per_mtok
        assert behind["source"]
        seen.add(cost.rate_id)
    assert len(seen) == 5
    assert rates.unit_prices("openai/gpt-4o#00000000") is None
    assert rates.unit_prices("nonsense") is None
