"""Amounts as a page writes them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from finops_pack.server import render


@pytest.mark.parametrize(
    ("usd", "english", "german"),
    [
        ("1234.5", "$1,234.50", "1.234,50\u00a0$"),
        ("0.0975", "$0.0975", "0,0975\u00a0$"),
        ("0.0000123", "$0.000012", "0,000012\u00a0$"),
        ("0.0000004", "$0.00000040", "0,00000040\u00a0$"),
        ("0", "$0.00", "0,00\u00a0$"),
    ],
)
def test_what_cost_something_is_not_shown_as_zero(usd, english, german):
    assert render.usd(Decimal(usd), "en") == english
    assert render.usd(Decimal(usd), "de") == german
