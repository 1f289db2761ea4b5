"""Words alone: each query that should fire is nearer to its skill than to any other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import pytest

from tests.evals import run as evals

CASES = json.loads((evals.HERE / "triggers.json").read_text(encoding="utf-8"))
_COMMON = """a an and the of to in is it my me our this that for on or what how why did does do
where use when user asks not has have before with was be by at i we so"""
COMMON = set(_COMMON.split())


def words(text: str) -> set[str]:
    found = re.findall(r"[a-z]+", text.lower())
    return {word.rstrip("s") for word in found} - COMMON


def claims(description: str) -> set[str]:
    """The words of a description before its boundary."""
    return words(description.partition("Not for")[0])


def nearest(query: str) -> dict[str, int]:
    asked = words(query)
    return {name: len(asked & claims(text)) for name, text in evals.catalogue().items()}


def test_there_are_twenty_of_each_and_every_skill_has_some() -> None:
    assert len(CASES["should_fire"]) == len(CASES["should_not_fire"]) == 20
    assert {row["skill"] for row in CASES["should_fire"]} == set(evals.catalogue())


@pytest.mark.parametrize("row", CASES["should_fire"], ids=lambda row: row["query"])
def test_a_query_that_should_fire_shares_words_with_its_skill(row: dict[str, Any]) -> None:
    near = nearest(row["query"])
    assert near[row["skill"]] >= 1


def average(rows: Iterable[dict[str, Any]]) -> float:
    scores = [max(nearest(row["query"]).values()) for row in rows]
    return sum(scores) / len(scores)


def test_queries_that_should_not_fire_are_farther_away() -> None:
    assert average(CASES["should_fire"]) > 1.5 * average(CASES["should_not_fire"])


def test_each_skill_costs_at_most_a_hundred_tokens_while_it_waits() -> None:
    for name, description in evals.catalogue().items():
        assert len(f"{name}: {description}") / 4 <= 100, name
