from __future__ import annotations

from decimal import Decimal

import pytest

from finops_pack.figures import bar, count, days, percent, score, times, tokens, usd


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "$0"),
        ("12.345", "$12.34"),
        ("1234567.8", "$1,234,567.80"),
        ("0.09", "$0.09"),
        ("0.0042", "$0.0042"),
        ("0.00000042", "$0.00000042"),
        ("-0.5", "-$0.50"),
        ("0.999", "$1.00"),
    ],
)
def test_amounts_as_people_read_them(amount: str, text: str) -> None:
    assert usd(Decimal(amount)) == text


def test_a_task_far_below_the_usual_did_not_cost_nothing() -> None:
    factors = (Decimal("10.94"), Decimal("0.02"), Decimal(0))
    assert [times(factor) for factor in factors] == ["10.9×", "<0.1×", "0.0×"]


def test_days_as_people_read_them() -> None:
    assert [days(n) for n in (1.04, 1.5, Decimal(7))] == ["1 day", "1.5 days", "7 days"]


def test_counts_as_people_read_them() -> None:
    counts = (0, 9_999, 61_234, 999_999, 15_499_566, 1_296_800_000)
    assert [tokens(n) for n in counts] == ["0", "9,999", "61k", "1.0M", "15.5M", "1.3B"]


def test_things_are_counted() -> None:
    assert [count(n, "call") for n in (0, 1, 2_000)] == ["0 calls", "1 call", "2,000 calls"]


@pytest.mark.parametrize(("share", "said"), [(-1, "░░░░"), (0.5, "██░░"), (9, "████")])
def test_a_share_as_a_bar(share: float, said: str) -> None:
    assert bar(share, 4) == said


@pytest.mark.parametrize(
    ("share", "places", "said"),
    [(0, 0, "0%"), (0.001, 0, "<1%"), (0.12, 0, "12%"), (0.999, 0, ">99%"), (1, 0, "100%"),
     (0.00004, 1, "<0.1%"), (Decimal("0.9999"), 1, ">99.9%"), (1.04, 0, "104%")],
)  # fmt: skip
def test_a_share_that_is_something_is_neither_none_nor_all(
    share: float | Decimal, places: int, said: str
) -> None:
    assert percent(share, places) == said


def test_a_score_that_is_not_whole_does_not_read_100() -> None:
    assert [score(points) for points in (100, 99.7, Decimal("87.3"), 0.2, 0)] == [
        "100", ">99", "87", "<1", "0"
    ]  # fmt: skip
    assert [score(points, 1) for points in (100, 99.97, 99.7)] == ["100.0", ">99.9", "99.7"]
