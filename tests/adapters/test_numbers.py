"""Numbers are read as they were written, and nothing else is taken for one."""

from __future__ import annotations

from decimal import Decimal

from finops_pack.adapters import _numbers


def test_a_gateways_price_is_exact_or_absent() -> None:
    assert _numbers.charged({"cost": 0.000123}) == Decimal("0.000123")
    assert _numbers.dollars("0.10") == Decimal("0.10")
    for wrong in (None, "", "free", -1, "nan", "inf", True, {}):
        assert _numbers.dollars(wrong) is None


def test_a_count_is_the_first_that_is_there_and_whole() -> None:
    assert _numbers.first({"a": None, "b": 5, "c": 7}, "a", "b", "c") == 5
    assert [_numbers.count(given) for given in (3.0, 3.5, "3", None, -1)] == [3, 0, 0, 0, -1]
