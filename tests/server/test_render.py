"""Amounts as a page writes them."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

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
    assert render.signed(Decimal("-0.001"), "en") == "+0%"  # as the command line says it


def brightness(channels):
    parts = [part / 255 for part in channels]
    linear = [part / 12.92 if part <= 0.04 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["good", "bad"])
def test_what_is_better_or_worse_can_be_read(scheme, name):
    style = Path(render.__file__).with_name("static").joinpath("app.css").read_text()
    palette = style.split("@media")[scheme == "dark"]
    colours = {key: bytes.fromhex(c) for key, c in re.findall(r"--(\w+): #(\w{6});", palette)}
    text, card = colours[name], colours["card"]
    tint = [0.13 * a + 0.87 * b for a, b in zip(text, card, strict=True)]  # behind a change
    for ground in (card, colours["ground"], tint):
        light, dark = sorted((brightness(text), brightness(ground)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5  # as WCAG asks
