from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops_pack.budgets import WINDOWS, Budget, bounds, parse
from finops_pack.errors import ConfigError
from finops_pack.money import usd_of

NOW = datetime(2026, 3, 29, 12, 30, tzinfo=UTC)  # a Sunday; clocks change in Vienna
VIENNA = ZoneInfo("Europe/Vienna")
FIELDS = ("limit_usd", "window", "hard", "scope", "unpriced", "reserve_usd")
WRITTEN = st.sampled_from(
    ["5", 0.5, 10**9, "-1", "NaN", "x", "", None, True, {}, "day", "task", "warn", [], ["a"],
     ["project", "a"], ["tag.", "a"], ["planet", "a"], [None, None]]
)  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "limit", "window", "hard", "scope"),
    [
        ("5 USD/day", "5", "day", True, None),
        ("$0.50/task soft", "0.50", "task", False, None),
        ("20 usd per week project=support-bot", "20", "week", True, ("project", "support-bot")),
        ("1 USD/24h soft tag.customer=acme", "1", "24h", False, ("tag.customer", "acme")),
        ("0.03 USD/call model=gpt-4o", "0.03", "call", True, ("model", "gpt-4o")),
    ],
)
def test_spellings(
    spec: str, limit: str, window: str, hard: bool, scope: tuple[str, str] | None
) -> None:
    assert parse(spec) == Budget(Decimal(limit), window, hard, scope)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("five dollars", "is not a budget"),
        ("5 USD/year", "unknown window 'year'"),
        ("0 USD/day", "above 0"),
        ("5 USD/day sotf", "cannot read 'sotf'"),
        ("5 USD/day colour=red", "cannot read 'colour=red'"),
    ],
)
def test_mistakes_are_named_with_their_origin(spec: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        parse(spec, "FINOPS_BUDGET")
    assert str(caught.value).startswith("FINOPS_BUDGET")


@given(st.text(max_size=40))
def test_any_text_is_a_budget_or_a_clear_error(text: str) -> None:
    try:
        budget = parse(text)
    except ConfigError:
        return
    assert budget.limit_usd > 0
    assert parse(str(budget)) == budget


@given(
    st.decimals("0.01", "99999", places=2),
    st.sampled_from(WINDOWS),
    st.booleans(),
    st.sampled_from([None, ("agent", "coder"), ("tag.feature", "chat")]),
)
def test_written_and_stored_forms_give_it_back(
    limit: Decimal, window: str, hard: bool, scope: tuple[str, str] | None
) -> None:
    budget = Budget(limit, window, hard, scope)
    assert parse(str(budget)) == budget
    assert Budget.from_dict(budget.to_dict()) == budget


@given(st.dictionaries(st.sampled_from(FIELDS), WRITTEN))
def test_a_stored_form_is_a_budget_that_can_be_asked_about_or_a_clear_error(
    body: dict[str, object],
) -> None:
    try:
        budget = Budget.from_dict(body)
    except ConfigError:
        return
    assert parse(str(budget)).id == budget.id
    assert budget.where(NOW)
    assert 0 < budget.limit_pico < 2**63


@pytest.mark.parametrize("told", ["1e-999999999", "0e-999999999", "nan", "-1", "1e7", "x"])
def test_an_amount_is_one_that_can_be_written_out(told: str) -> None:
    with pytest.raises(ValueError, match="must be an amount in USD"):
        usd_of(told)


def test_a_day_has_23_hours_when_clocks_go_forward() -> None:
    start, end = bounds("day", NOW, VIENNA)
    assert start is not None
    assert end is not None
    assert end.astimezone(UTC) - start.astimezone(UTC) == (
        datetime(2026, 3, 29, 23) - datetime(2026, 3, 29)
    )


def test_a_day_with_two_midnights_begins_with_the_first() -> None:
    zone = ZoneInfo("Atlantic/Azores")  # at one in the morning it is midnight again
    first = datetime(2026, 10, 25, tzinfo=UTC)
    for hour in (0, 1, 2):
        found = bounds("day", first + timedelta(hours=hour, minutes=30), zone)
        assert [at and at.astimezone(UTC) for at in found] == [first, first + timedelta(hours=25)]


def test_windows_begin_where_people_say() -> None:
    assert bounds("week", NOW)[0] == datetime(2026, 3, 23, tzinfo=UTC)  # Monday
    assert bounds("month", NOW) == (
        datetime(2026, 3, 1, tzinfo=UTC),
        datetime(2026, 4, 1, tzinfo=UTC),
    )
    assert bounds("24h", NOW) == (datetime(2026, 3, 28, 12, 30, tzinfo=UTC), None)
    assert bounds("task", NOW) == (None, None)


def test_what_it_covers() -> None:
    where = parse("1 USD/task").where(NOW, task="t1")
    assert (where.task, where.since_us) == ("t1", None)
    where = parse("1 USD/day tag.customer=acme").where(NOW)
    assert where.tag == ("customer", "acme")
    assert where.since_us == int(datetime(2026, 3, 29, tzinfo=UTC).timestamp() * 1e6)
