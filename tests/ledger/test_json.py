"""Lines and documents read back as they were written, with the fast encoder and without it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops_pack.ledger import _json

PLAIN = st.none() | st.booleans() | st.integers() | st.text(st.characters(codec=None))
VALUES = st.recursive(
    PLAIN | st.floats(allow_nan=False, allow_infinity=False),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(), inside, max_size=4),
    max_leaves=12,
)


class Pair(NamedTuple):
    left: int
    right: int


class Milliseconds(float):
    """As numpy's numbers are."""


@dataclass
class Odd:
    number: int = 1


@given(value=VALUES)
@pytest.mark.parametrize("fast", [True, False])
def test_it_reads_back_as_it_was(fast: bool, value: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if not fast:
            patch.setattr(_json, "orjson", None)
        packed = _json.packed(value)
        assert json.loads(packed) == value
        assert b"\n" not in packed
        assert _json.compact(value).encode() == packed


@pytest.mark.parametrize("fast", [True, False])
def test_equal_objects_have_one_text(fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not fast:
        monkeypatch.setattr(_json, "orjson", None)
    assert _json.canonical({"b": 1, "a": {"d": 2, "c": 3}}) == '{"a":{"c":3,"d":2},"b":1}'
    assert _json.canonical({"a": {"c": 3, "d": 2}, "b": 1}) == '{"a":{"c":3,"d":2},"b":1}'


@pytest.mark.parametrize("fast", [True, False])
def test_what_json_does_not_know_becomes_its_text(
    fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not fast:
        monkeypatch.setattr(_json, "orjson", None)
    told = {"usd": Decimal("0.10"), "two": (1, 2), "pair": Pair(3, 4), "ms": Milliseconds(1.5)}
    assert _json.compact(told) == '{"usd":"0.10","two":[1,2],"pair":[3,4],"ms":1.5}'
    assert json.loads(_json.compact({"odd": Odd()})) == {"odd": str(Odd())}
