"""What a token costs at a call: its tier, and what was billed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from finops_pack import cache, forensics, levers, waste
from finops_pack.model import Call
from finops_pack.query.absent import Absent
from finops_pack.query.facts import LedgerFacts
from finops_pack.unit_prices import UnitPrices
from tests.facts import FACTS, call

REAL = LedgerFacts(Absent("", "UTC"))


@pytest.mark.parametrize("model", ["gemini-2.5-pro", "gpt-5.4", "claude-sonnet-4-5"])
@pytest.mark.parametrize("tokens", [900, 200_000, 200_001, 272_000, 272_001, 900_000])
def test_the_kinds_of_a_call_sum_to_its_cost_in_every_tier(model: str, tokens: int) -> None:
    start_us = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp() * 1e6)
    made = Call("a", start_us, model, input_tokens=tokens, cache_read_tokens=tokens // 2,
                output_tokens=700)  # fmt: skip
    cost = REAL.price(model, made.usage, at=made.started_at)
    prices = UnitPrices(REAL)
    counts = (("input", tokens - tokens // 2), ("cache_read", tokens // 2), ("output", 700))
    paid = sum(count * (prices.per_token(made, kind) or 0) for kind, count in counts)
    assert paid == cost.usd


@pytest.mark.parametrize(
    ("model", "sizes", "hours"),
    [
        ("claude-haiku-5-5", (97_000, 103_000), (12,)),  # five times the price above 100,000
        ("grok-4.6", (199_999, 200_000), (12,)),
        ("deepseek-v4-pro", (9_000,), (5, 7, 12)),  # twice the price from 6 to 10 on weekdays
    ],
)
def test_calls_of_one_day_keep_the_price_of_their_tier_and_their_hour(
    model: str, sizes: tuple[int, ...], hours: tuple[int, ...]
) -> None:
    prices = UnitPrices(REAL)
    for hour in hours:
        start_us = int(datetime(2026, 11, 20, hour, tzinfo=UTC).timestamp() * 1e6)
        for size in sizes:
            made = Call("a", start_us, model, input_tokens=size, output_tokens=500)
            cost = REAL.price(model, made.usage, at=made.started_at)
            made = replace(made, rate_id=cost.rate_id)
            kinds = (("input", size), ("output", 500))
            assert sum(n * (prices.per_token(made, k) or 0) for k, n in kinds) == cost.usd


def test_a_call_that_was_priced_as_the_model_asked_for_is_weighed_as_that() -> None:
    calls = [
        call(n, session="s", task="t", input_tokens=9000, cache_write_5m_tokens=8000)
        for n in range(0, 60, 6)
    ]
    served = [replace(one, served_model="big-at-a-gateway") for one in calls]
    known, unknown = cache.analyse(calls, FACTS), cache.analyse(served, FACTS)
    assert unknown.lost_usd == known.lost_usd > 0
    assert unknown.writes.usd == known.writes.usd > 0
    cold = waste.find(served, FACTS).categories["cold_cache"].usd
    assert cold == waste.find(calls, FACTS).categories["cold_cache"].usd > 0


def billed(made: Call, share: str) -> Call:
    return replace(made, billed_pico=int((made.cost_pico or 0) * Decimal(share)))


def test_a_discount_leaves_no_analysis_with_more_than_was_paid() -> None:
    calls = [
        billed(call(n, session=f"s{n}", task=f"t{n}", input_tokens=4000,
                    cache_write_5m_tokens=4000, output_tokens=60), "0.2")
        for n in range(25)
    ]  # fmt: skip
    long = call(30, task="long", input_tokens=4000, output_tokens=6000, session="s0")
    calls.append(billed(long, "0.2"))
    spent = sum(one.amount_usd for one in calls)

    report = cache.analyse(calls, FACTS)
    assert report.writes.usd == Decimal(25) * 4000 * Decimal("3.75") / 10**6 / 5
    assert report.writes.usd < spent
    for lever in levers.find(calls, FACTS, days=30):
        assert lever.estimated_saving_usd <= lever.high_usd <= spent, lever.title
    [verbose] = [f for f in forensics.find(calls, FACTS) if f.category == "verbosity"]
    assert verbose.usd == (6000 - 60) * Decimal(15) / 10**6 / 5


def test_the_part_of_lost_prefixes_that_is_waste_is_no_more_than_all_of_them() -> None:
    calls = [
        billed(call(n, session="s", input_tokens=9000, cache_write_5m_tokens=4500), "1.7")
        for n in range(3)
    ]
    lost = cache.analyse(calls, FACTS).lost_usd
    assert 0 < waste.find(calls, FACTS).categories["cold_cache"].usd <= lost


def test_another_model_is_billed_alike() -> None:
    dear = [call(n, action="a", input_tokens=9000, output_tokens=60) for n in range(25)]
    listed = {one.title: one for one in levers.find(dear, FACTS, days=30)}
    half = [billed(one, "0.5") for one in dear]
    found = {one.title: one for one in levers.find(half, FACTS, days=30)}
    title = "Try a cheaper model"
    saving = listed[title].estimated_saving_usd
    assert found[title].estimated_saving_usd == pytest.approx(saving / 2)
