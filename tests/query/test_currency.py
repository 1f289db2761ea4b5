"""Another currency stands beside USD with the day of its rate, and is never stored."""

from __future__ import annotations

from decimal import Decimal

import pytest

import finops_pack
from finops_pack import config, query
from finops_pack.errors import ConfigError
from finops_pack.query.currency import parse
from finops_pack.query.text import budget_lines


def test_an_amount_carries_its_rate_and_day() -> None:
    euro = parse("eur 0.92 2026-11-20")
    assert euro.shown(Decimal("1234.5")) == "1,135.74 EUR at 0.92 of 2026-11-20"
    assert euro.shown(Decimal("0.0042")) == "0.0039 EUR at 0.92 of 2026-11-20", "not nothing"
    assert euro.to_dict(Decimal("0.5"))["amount"] == "0.46"


@pytest.mark.parametrize(
    "text", ["EUR", "EUR 0.92", "EUR 0 2026-11-20", "EUR NaN 2026-11-20", "EUR 1 20.11.2026",
             "€ 0.92 2026-11-20", "EUR -1 2026-11-20"],
)  # fmt: skip
def test_what_is_no_dated_rate_is_named_with_its_origin(text: str) -> None:
    with pytest.raises(ConfigError, match=r"finops\.toml: .* is no dated rate"):
        parse(text, "finops.toml")


def test_it_is_shown_beside_usd_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    finops_pack.record(model="gpt-4o", usage=finops_pack.Usage(400_000, 0))
    finops_pack.flush()
    before = finops_pack.budget().to_dict()
    monkeypatch.setenv("FINOPS_CURRENCY", "EUR 0.92 2026-11-20")
    config.reload()
    with query.open() as reader:
        view = reader.budget()
    assert "$1.00 this month = 0.92 EUR at 0.92 of 2026-11-20" in budget_lines(view)[0]
    after = view.to_dict()
    assert after.pop("month_in")["amount"] == "0.92"
    assert after == before
