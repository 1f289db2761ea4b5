from __future__ import annotations

from datetime import UTC, timedelta, timezone, tzinfo
from decimal import Decimal

import pytest

from finops_pack.model import Finding
from finops_pack.waste._tally import Tally

HOUR_US = 3_600_000_000


@pytest.mark.parametrize(
    ("zone", "days"),
    [
        (UTC, {"1970-01-01": Decimal(2), "1970-01-02": Decimal(1)}),
        (timezone(timedelta(hours=5, minutes=45)), {"1970-01-01": 1, "1970-01-02": 2}),
    ],
)
def test_waste_falls_on_the_days_of_its_calls(zone: tzinfo, days: dict[str, Decimal]) -> None:
    tally = Tally(zone)
    found = Finding("retries", "t", ("a", "b", "c"), Decimal(3), "measured", 1.0, (), "m")
    tally.add([found], {"a": 0, "b": 19 * HOUR_US, "c": 25 * HOUR_US})
    assert tally.waste(Decimal(9), ["retries"]).days == days
