"""What a chart shows adds up to what was spent."""

from __future__ import annotations

from decimal import Decimal

from finops_pack.server.screen import Bar, series


def test_a_reports_own_rest_is_added_to_the_charts_rest():
    names = {f"m{n}": Decimal(n + 1) for n in range(10)}
    bar = Bar("2026-02-28", Decimal(155), by_model={**names, "(other)": Decimal(100)})
    rows = series([bar], "model")
    assert rows["(other)"] == [103]  # with the two smallest
    assert sum(row[0] for row in rows.values()) == 155
    assert len(rows) == 9
