"""Amounts as a page writes them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from finops_pack import figures
from finops_pack.server import render


@pytest.mark.parametrize(
    ("usd", "english", "german"),
    [
        ("1234.5", "$1,234.50", "1.234,50\u00a0$"),
        ("0.0975", "$0.098", "0,098\u00a0$"),
        ("0.0000123", "$0.000012", "0,000012\u00a0$"),
        ("0.0000004", "$0.0000004", "0,0000004\u00a0$"),
        ("0", "$0", "0\u00a0$"),
    ],
)
def test_what_cost_something_is_not_shown_as_zero(usd, english, german):
    assert render.usd(Decimal(usd), "en") == english
    assert render.usd(Decimal(usd), "de") == german
    assert render.usd(Decimal(usd), "en") == figures.usd(Decimal(usd))


@pytest.mark.parametrize(
    ("share", "places", "english", "german"),
    [
        ("0.004", 0, "<1%", "<1\u00a0%"),
        ("0.0004", 1, "<0.1%", "<0,1\u00a0%"),
        ("0.998", 0, ">99%", ">99\u00a0%"),
        ("0", 0, "0%", "0\u00a0%"),
        ("1", 0, "100%", "100\u00a0%"),
        ("0.341", 1, "34.1%", "34,1\u00a0%"),
    ],
)
def test_a_small_share_is_not_shown_as_none(share, places, english, german):
    assert render.percent(Decimal(share), "en", places) == english
    assert render.percent(Decimal(share), "de", places) == german


def test_a_change_too_small_to_show_is_none():
    assert render.signed(Decimal("0.003"), "en") == "+0%"
