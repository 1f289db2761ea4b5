"""The report's rules, as API.md states them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops_pack.report import exact
from finops_pack.report.model import DailyReport, InvalidReport, parse

SEED = """{
  "date": "2026-02-28", "total_tokens": 1842000, "total_cost": 14.73, "total_requests": 312,
  "cost_by_model": {"gpt-4o": 9.20, "claude-sonnet-4-20250514": 4.18,
                    "text-embedding-3-small": 1.35},
  "cost_by_action": {"code_generation": 6.50, "document_analysis": 4.10, "chat_response": 2.80,
                     "embeddings": 1.33},
  "waste_categories": {"retries": 1.20, "unused_context": 0.85, "hallucination_recovery": 0.40},
  "efficiency_score": 78,
  "metadata": {"agent_version": "1.4.2", "environment": "production"}}"""


def seed(**changes: Any) -> dict[str, Any]:
    return {**exact.loads(SEED), **changes}


def refused(body: Any) -> InvalidReport:
    with pytest.raises(InvalidReport) as caught:
        parse(body)
    return caught.value


def test_the_seed_is_accepted_as_it_stands() -> None:
    report = parse(seed())
    assert exact.loads(report.text()) == seed()
    assert (report.warnings(), report.reporter, report.period) == ([], "default", None)


def test_four_required_fields_are_enough() -> None:
    body = {"date": "2026-02-28", "total_tokens": 1, "total_cost": 0, "total_requests": 1}
    assert parse(body).body() == body


@pytest.mark.parametrize("field", ["date", "total_tokens", "total_cost", "total_requests"])
def test_required_fields(field: str) -> None:
    fault = refused({k: v for k, v in seed().items() if k != field})
    assert (fault.field, str(fault)) == (field, f"{field}: is required")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("total_cost", "abc", "total_cost: must be a number ≥ 0, got 'abc'"),
        ("total_cost", "14.73", "total_cost: must be a number ≥ 0, got '14.73'"),
        ("total_cost", True, "total_cost: must be a number ≥ 0, got true"),
        ("total_cost", None, "total_cost: must be a number ≥ 0, got null"),
        ("total_cost", -0.01, "total_cost: must be a number ≥ 0, got -0.01"),
        ("total_cost", Decimal("NaN"), "total_cost: must be a number ≥ 0, got NaN"),
        ("total_cost", Decimal("Infinity"), "total_cost: must be a number ≥ 0, got Infinity"),
        ("total_cost", Decimal("1e13"), "total_cost: must be at most 1000000000000, got 1E+13"),
        ("total_tokens", 1.5, "total_tokens: must be a whole number ≥ 0, got 1.5"),
        ("total_requests", False, "total_requests: must be a whole number ≥ 0, got false"),
        ("date", "28.02.2026", "date: must be a date YYYY-MM-DD, got '28.02.2026'"),
        ("date", "2026-02-30", "date: must be a date YYYY-MM-DD, got '2026-02-30'"),
        ("date", "20260228", "date: must be a date YYYY-MM-DD, got '20260228'"),
        ("date", "2026-02-2٨", "date: must be a date YYYY-MM-DD, got '2026-02-2\\u0668'"),
        ("efficiency_score", 100.5, "efficiency_score: must be a number from 0 to 100, got 100.5"),
        ("cost_by_model", [1], "cost_by_model: must be an object of names and numbers, got [1]"),
        ("cost_by_model", {"a": -1}, "cost_by_model: 'a' must be a number ≥ 0, got -1"),
        ("waste_categories", {"a": True}, "waste_categories: 'a' must be a number ≥ 0, got true"),
        ("metadata", "x", "metadata: must be an object, got 'x'"),
        ("metadata", {"a": Decimal("NaN")}, "metadata: holds NaN, which is no JSON number"),
    ],
)
def test_a_fault_is_named(field: str, value: Any, message: str) -> None:
    fault = refused(seed(**{field: value}))
    assert (fault.field, str(fault)) == (field, message)


def test_integral_floats_are_integers() -> None:
    report = parse(seed(total_requests=312.0, total_tokens=Decimal("1842000.000")))
    assert report.text() == parse(seed()).text()


def test_unknown_fields_are_kept_and_named() -> None:
    report = parse(seed(team="red", nested={"a": [1, Decimal("0.10")]}))
    assert report.warnings() == ["team: unknown field, kept", "nested: unknown field, kept"]
    assert report.body()["nested"] == {"a": [1, Decimal("0.1")]}
    assert "holds NaN" in str(refused(seed(team=Decimal("NaN"))))


def test_an_unknown_field_at_fault_is_named() -> None:
    deep: Any = 1
    for _ in range(40):
        deep = [deep]
    fault = refused(seed(team=deep))
    assert (fault.field, str(fault)) == ("team", "team: is nested deeper than 32 levels")


def test_an_unknown_field_that_is_null_is_kept_too() -> None:
    report = parse(seed(team=None, cost_by_model=None))
    assert report.warnings() == ["team: unknown field, kept"]
    assert exact.loads(report.text())["team"] is None
    assert "cost_by_model" not in report.body()
    assert parse(report.body()).content_hash == report.content_hash


def test_sums_that_do_not_hold_are_flagged_not_refused() -> None:
    report = parse(seed(cost_by_model={"a": 1}, waste_categories={"retries": 99}))
    assert report.warnings() == [
        "cost_by_model: sums to 1, total_cost is 14.73",
        "waste_categories: sums to 99, total_cost is 14.73",
    ]


def test_the_hash_follows_the_content() -> None:
    first = parse(seed())
    assert parse(dict(reversed(seed().items()))).content_hash == first.content_hash
    assert parse(seed(total_cost=14.7300)).content_hash == first.content_hash
    assert parse(seed(total_cost=14.74)).content_hash != first.content_hash


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*DailyReport.model_fields, "other", "\ud800"]), JSONISH))
def test_a_malformed_report_is_refused_in_words(changes: dict[str, Any]) -> None:
    try:
        report = parse(seed(**changes))
    except InvalidReport as refusal:
        fault = refusal
    else:
        report.model_dump_json()
        assert parse(exact.loads(report.text().encode())).content_hash == report.content_hash
        return
    assert fault.field in {*DailyReport.model_fields, "other", ""}
    assert "\n" not in str(fault)
    str(fault).encode()


def test_a_document_that_is_no_object_is_refused() -> None:
    assert str(refused([1])) == "must be a JSON object, got [1]"
