from __future__ import annotations

from decimal import Decimal
from typing import Any

from finops_pack.model import Call
from tests.facts import call

CATEGORY = "runaway_output"


def usual(count: int = 30, **fields: Any) -> list[Call]:
    return [call(i, output_tokens=90 + i % 20, input_tokens=10, **fields) for i in range(count)]


def long(tokens: int = 60_000, **fields: Any) -> Call:
    return call(99, output_tokens=tokens, input_tokens=10, **fields)


def test_only_the_excess_counts(found: Any) -> None:
    [one] = found(CATEGORY, *usual(), long(finish_reason="length"))
    assert one.calls == ("c99",)
    assert one.title == "an answer of 60k tokens, cut off at the limit, usually 97"
    beyond = one.usd / Decimal(15) * 10**6
    assert 59_800 < beyond < 59_900


def test_ordinary_answers_are_fine(found: Any) -> None:
    assert found(CATEGORY, *usual()) == []
    assert found(CATEGORY, *usual(), long(1_900)) == []
    assert found(CATEGORY, *usual(), long(101, finish_reason="length")) == []


def test_too_few_to_say_what_is_usual(found: Any) -> None:
    assert found(CATEGORY, *usual(18), long()) == []
    assert found(CATEGORY, *usual(action="a"), long(action="b")) == []


def test_what_recovery_has_claimed_is_not_claimed_again(found: Any) -> None:
    rejected = call(98, session="s", verifier="schema", output_tokens=100)
    assert found(CATEGORY, *usual(), rejected, long(session="s")) == []


def test_the_longest_of_very_many_is_no_surprise(found: Any) -> None:
    few = [call(i, output_tokens=90 + i % 20 * 20, input_tokens=10) for i in range(40)]
    many = [call(i, output_tokens=90 + i % 20 * 20, input_tokens=10) for i in range(8000)]
    assert found(CATEGORY, *few, long(2_200)) != []
    assert found(CATEGORY, *many, long(2_200)) == []
    assert found(CATEGORY, *many, long(2_200, finish_reason="length")) != []
    assert found(CATEGORY, *many, long(40_000)) != []
