"""Exact JSON: what goes in comes out, and what cannot be kept is named."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops_pack.report import exact

NUMBERS = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12
).filter(lambda number: -int(number.as_tuple().exponent) <= exact.MAX_PLACES)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_is_read_back_exactly(value: Any) -> None:
    assert exact.loads(exact.dumps(value)) == value


@given(st.dictionaries(st.text(), NUMBERS, min_size=2))
def test_order_does_not_change_the_digest(value: dict[str, Decimal]) -> None:
    assert exact.digest(dict(reversed(value.items()))) == exact.digest(value)
    key = next(iter(value))
    assert exact.digest({**value, key: value[key] + 1}) != exact.digest(value)


def test_amounts_are_plain_literals() -> None:
    assert exact.dumps({"a": Decimal("9.20"), "b": Decimal("1E-6")}) == '{"a":9.2,"b":0.000001}'
    assert exact.dumps([9.20, 1e-6, 1e16, -0.0]) == "[9.2,0.000001,10000000000000000,0]"


@pytest.mark.parametrize("text", [b"\xff", "[" * 100_000, "{", '{"a":1}x', ""])
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        exact.loads(text)


@pytest.mark.parametrize(
    "text",
    ['{"a":NaN}', '[-Infinity]', '{"a":1e400}', "9" * 310, "-" + "9" * 5000, "1e" + "9" * 30,
     "-1E-" + "9" * 30, "1" + "0" * 309, '{"a":1e-400}', '["\\ud800"]', '{"\\u0000":1}',
     "[" * 40 + "]" * 40],
)  # fmt: skip
def test_flaws_are_found(text: str) -> None:
    assert exact.flaw(exact.loads(text))


@pytest.mark.parametrize("text", ["1e100", "1e308", "9" * 309, "-" + "9" * 308, "1.5e300"])
def test_a_number_that_a_float_could_hold_has_no_flaw(text: str) -> None:
    value = exact.loads(text)
    assert exact.flaw(value) is None
    assert exact.loads(exact.dumps(value)) == value


@given(VALUES.filter(lambda v: "\\u0000" not in json.dumps(v, default=str)))
def test_ordinary_values_have_no_flaw(value: Any) -> None:
    assert exact.flaw(value) is None
