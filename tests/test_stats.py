from __future__ import annotations

import math
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops_pack import stats

amounts = st.lists(st.integers(0, 50).map(float), min_size=1, max_size=30)


def test_robust_z_ignores_an_outlier_in_the_history() -> None:
    assert stats.robust_z([1, 2, 3, 4, 1000], 3) == 0
    assert stats.robust_z([1, 2, 3, 4, 5], 6) == pytest.approx(3 / 1.4826)


def test_robust_z_without_spread() -> None:
    assert stats.robust_z([2, 2, 2], 2) == 0
    assert stats.robust_z([2, 2, 2], 3) == math.inf
    assert stats.robust_z([2, 2, 2], 3, floor=0.5) == 2


def test_quantile_interpolates() -> None:
    assert stats.quantile([4, 1, 3, 2], 0.5) == 2.5
    assert stats.quantile([7], 0.9) == 7


def test_ranks_share_ties() -> None:
    assert stats.ranks([10, 20, 10, 30]) == [1.5, 3, 1.5, 4]


def test_greater_p_agrees_with_a_published_table() -> None:
    # Same sample, no shift: U is its mean, so p is one half but for the continuity term.
    assert stats.greater_p([1, 2, 3], [1, 2, 3]) == pytest.approx(0.59, abs=0.02)
    # scipy.stats.mannwhitneyu(now, before, alternative="greater", method="asymptotic")
    assert stats.greater_p([6, 7, 8, 9, 10], [1, 2, 3, 4, 5]) == pytest.approx(0.006093, abs=1e-5)


@given(amounts, amounts)
def test_greater_p_is_a_probability(now: list[float], before: list[float]) -> None:
    assert 0 <= stats.greater_p(now, before) <= 1


def test_bootstrap_interval_holds_the_true_ratio() -> None:
    before = [float(i % 7 + 1) for i in range(70)]
    now = [value * 1.5 for value in before]
    low, high = stats.bootstrap(lambda a, b: (sum(a) / len(a)) / (sum(b) / len(b)), now, before)
    assert low < 1.5 < high
    assert high - low < 0.6


def test_spearman() -> None:
    assert stats.spearman([1, 2, 3], [10, 100, 1000]) == pytest.approx(1)
    assert stats.spearman([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert stats.spearman([1, 1, 1], [1, 2, 3]) is None


def test_what_surprises_grows_with_how_many_are_looked_at() -> None:
    assert stats.surprising_z(1) == stats.surprising_z(100) == 3.5
    assert stats.normal_above(stats.surprising_z(10_000)) * 10_000 == pytest.approx(0.05, rel=0.01)


@given(st.lists(st.integers(-3, 999), max_size=60))
def test_small_sizes_are_held_exactly(values: list[int]) -> None:
    sizes = stats.Sizes()
    for value in values:
        sizes.add(value)
    above = [value for value in values if value > 0]
    assert sizes.median() == (median(above) if above else None)
    usual = sizes.usual()
    assert (usual is None) == (len(above) < 20)
    if usual:
        logs = [math.log(value) for value in above]
        spread = stats.MAD_SCALE * median(abs(value - median(logs)) for value in logs)
        assert usual.median == pytest.approx(math.exp(median(logs)))
        assert usual.spread == pytest.approx(max(spread, stats.LEAST_SPREAD))


@given(st.integers(1000, 10**9))
def test_large_sizes_are_held_to_three_digits(value: int) -> None:
    sizes = stats.Sizes()
    sizes.add(value)
    assert sizes.median() == pytest.approx(value, rel=0.005)


@given(st.lists(st.integers()), st.integers(1, 9))
def test_the_first_of_many(values: list[int], size: int) -> None:
    top = stats.Top[int](size, lambda value: value)
    for value in values:
        top.add(value)
    assert list(top) == sorted(values)[:size]
    assert top.seen == len(values)
