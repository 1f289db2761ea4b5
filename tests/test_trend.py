from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops_pack import rates, trend
from finops_pack.model import Call, Task, Usage
from finops_pack.money import to_pico
from finops_pack.query.absent import Absent
from finops_pack.query.facts import LedgerFacts
from finops_pack.trend import _account
from tests.facts import FACTS, PRICES, Table, call
from tests.memory import traced


def tasks(count: int, calls: int = 2, *, start: float = 0, **fields: int) -> list[Call]:
    fields = {"input_tokens": 100_000, "output_tokens": 1_000, **fields}
    return [
        call(start + t * 10 + c, id=f"{start}/{t}/{c}", task=f"{start}/{t}", **fields)
        for t in range(count)
        for c in range(calls)
    ]


def test_no_baseline_says_so() -> None:
    found = trend.compare(tasks(3), [], FACTS)
    assert found.change is None
    assert found.text == "no baseline yet (n = 3)"
    assert not found.significant


def test_more_calls_a_task_is_named_as_the_whole_cause() -> None:
    found = trend.compare(tasks(10, 3, start=1000), tasks(10, 2), FACTS)
    assert found.change == pytest.approx(0.5)
    assert [(f.name, round(f.points)) for f in found.factors] == [("calls", 50)]
    assert "50 points more calls a task" in found.text


def test_causes_that_work_against_each_other_keep_their_signs() -> None:
    before = tasks(10, 2, input_tokens=100_000)
    warmer = tasks(10, 3, start=1000, input_tokens=100_000, cache_read_tokens=90_000)
    found = trend.compare(warmer, before, FACTS)
    said = {f.name: f.text for f in found.factors}
    assert said["calls"].endswith(" more calls a task")
    assert said["cache"].startswith("-")
    total = sum(int(text.split()[0]) for text in said.values())
    assert total == pytest.approx(100 * (found.change or 0), abs=len(said))


@pytest.mark.parametrize(
    ("points", "said"), [(1.2, "1 point"), (-0.9, "-1 point"), (15, "15 points")]
)
def test_one_point_is_one(points: float, said: str) -> None:
    usd = Decimal(1 if points > 0 else -1)
    assert trend.Factor("calls", usd, points).text.startswith(f"{said} ")


def test_a_colder_cache_is_told_from_more_input() -> None:
    before = tasks(10, cache_read_tokens=90_000)
    colder = tasks(10, start=1000, cache_read_tokens=50_000)
    longer = tasks(10, start=1000, input_tokens=200_000, cache_read_tokens=180_000)
    assert [f.name for f in trend.compare(colder, before, FACTS).factors] == ["cache"]
    assert [f.name for f in trend.compare(longer, before, FACTS).factors] == ["input"]


def test_dearer_hours_of_a_day_are_a_price_rise() -> None:
    def at(hour: int) -> Call:
        moment = datetime(2026, 11, 20, hour, tzinfo=UTC)
        usage = Usage(input_tokens=9_000)
        cost = rates.price("deepseek-v4-pro", usage, at=moment)
        start_us = int(moment.timestamp() * 1e6)
        made = Call(f"{hour}", start_us, "deepseek-v4-pro", task=f"{hour}", input_tokens=9_000)
        pico = to_pico(cost.usd or Decimal(0))
        return replace(made, cost_pico=pico, cost_state=cost.state, rate_id=cost.rate_id)

    off_peak, both = [at(12), at(13)], [at(5), at(7)]
    found = trend.compare(both, off_peak, LedgerFacts(Absent("", "UTC")))
    assert [(f.name, round(f.points)) for f in found.factors] == [("price", 50)]


def test_a_price_rise_is_a_price_rise() -> None:
    class Risen(Table):
        def price(self, model, usage, *, at=None, **rest):  # type: ignore[no-untyped-def]
            table = dear if at and at.timestamp() > switch else cheap
            return table.price(model, usage, at=at, **rest)

    cheap = Table()
    dear = Table({name: tuple(str(Decimal(p) * 2) for p in row) for name, row in PRICES.items()})
    before = tasks(6)
    switch = before[-1].start_us / 1e6
    now = [call(2000 + i, id=f"n{i}", task=f"n{i // 2}", facts=dear, input_tokens=100_000,
                output_tokens=1_000) for i in range(12)]  # fmt: skip
    found = trend.compare(now, before, Risen())
    assert found.change == pytest.approx(1.0)
    assert [(f.name, round(f.points)) for f in found.factors] == [("price", 100)]


def test_model_mix() -> None:
    size = {"input_tokens": 100_000}
    cheap = [call(i, id=f"s{i}", model="small", task=f"s{i}", **size) for i in range(9)]
    dear = [call(99 + i, id=f"b{i}", task=f"b{i}", **size) for i in range(9)]
    found = trend.compare([*cheap[:4], *dear], cheap, FACTS)
    assert [f.name for f in found.factors] == ["mix"]


counts = st.integers(0, 200_000)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(counts, counts, st.sampled_from(["big", "small"])), min_size=2))
def test_factors_add_up_to_the_change(rows: list[tuple[int, int, str]]) -> None:
    calls = [
        call(i, model=m, task=f"t{i // 2}", input_tokens=a + b, cache_read_tokens=b,
             output_tokens=a // 9)
        for i, (a, b, m) in enumerate(rows)
    ]  # fmt: skip
    half = len(calls) // 2
    found = trend.compare(calls[half:], calls[:half], FACTS)
    if found.change is not None:
        assert sum(f.usd for f in found.factors) == pytest.approx(
            found.now_usd - found.before_usd, abs=Decimal("1e-15")
        )


def test_a_quiet_day_is_rarely_called_significant() -> None:
    """Small version of the proof in bench."""
    rng = random.Random(3)
    costs = [rng.lognormvariate(-1.2, 0.65) for _ in range(400)]
    alarms = 0
    for _ in range(25):
        drawn = rng.choices(costs, k=540)
        made = [
            call(i, id=str(i), task=str(i), input_tokens=int(c * 333_333))
            for i, c in enumerate(drawn)
        ]
        found = trend.compare(made[:40], made[40:], FACTS)
        alarms += found.significant
    assert alarms <= 1


def test_a_rise_of_half_is_found() -> None:
    rng = random.Random(4)
    costs = [rng.lognormvariate(-1.2, 0.65) for _ in range(600)]
    made = [
        call(i, id=str(i), task=str(i), input_tokens=int(c * (500_000 if i < 60 else 333_333)))
        for i, c in enumerate(costs)
    ]
    found = trend.compare(made[:60], made[60:], FACTS)
    assert found.significant
    assert found.low is not None
    assert found.low < 0.5 < (found.high or 0) + 0.3


def test_a_fall_is_tested_as_a_rise_is() -> None:
    dear, cheap = tasks(10, 3), tasks(10, 1, start=1000)
    for now, before, sign in ((cheap, dear, -1), (dear, cheap, 1)):
        found = trend.compare(now, before, FACTS)
        assert ((found.change or 0) * sign > 0, found.significant, found.chance) == (True, 1, 0)


def test_what_is_no_chance_may_be_too_little_to_matter() -> None:
    now, before = tasks(10, start=1000, input_tokens=20), tasks(10, input_tokens=10)
    for side in (now, before):
        side[:] = [replace(one, cost_pico=one.input_tokens * 1000) for one in side]
    found = trend.compare(now, before, FACTS)
    assert (found.chance, found.significant) == (False, False)


def test_a_stream_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_account, "SAMPLE", 50)

    def stream(count: int, usual: int = 1_000) -> Iterator[Call]:
        return (call(n * 10, id=f"{n}", input_tokens=usual + n % 99) for n in range(count))

    def peak(count: int) -> int:
        with traced() as most:
            found = trend.compare(stream(count, 2_000), stream(count), FACTS)
            assert (found.now_tasks, found.significant) == (count, True)
            return most()

    peak(200)
    assert peak(3_200) < 2 * peak(800)  # prices are kept by day


def test_a_stream_says_what_a_list_says() -> None:
    now, before = tasks(9, 3, start=1000), tasks(9, 2)
    listed = trend.compare(now[::-1], before[::-1], FACTS)
    assert trend.compare(iter(now), iter(before), FACTS) == listed


def test_a_task_inside_another_is_a_part_of_it() -> None:
    rows = {f"{n}/{i}": Task(f"{n}/{i}", 0, parent=f"outer{n}") for n in range(20) for i in (0, 1)}
    rows |= {f"outer{n}": Task(f"outer{n}", 0) for n in range(20)}
    inner = [call(n, id=name, task=name, input_tokens=1000) for n, name in enumerate(rows)]
    now = [one for one in inner if (one.task or "").partition("/")[2]]  # the outer made no call
    found = trend.compare(now[20:], now[:20], Table(tasks=rows))
    assert (found.now_tasks, found.before_tasks, found.change) == (10, 10, 0)
    assert trend.compare(now[20:], now[:20], Table(tasks=rows), alone=True).now_tasks == 20


def test_no_change_has_no_sign() -> None:
    same = {"input_tokens": 40_000, "output_tokens": 20}  # at a cost that floats cannot hold
    found = trend.compare(tasks(23, 1, start=1000, **same), tasks(46, 1, **same), FACTS)
    assert found.text == "+0% (n = 23, +0% to +0%)"
    assert "-0.0" not in {str(found.to_dict()[name]) for name in ("change", "low", "high")}
