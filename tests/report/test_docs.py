"""What the page about reports says is so."""

from __future__ import annotations

from pathlib import Path

from finops_pack.report import client, exact
from finops_pack.report.model import parse

PAGE = Path(__file__).parents[2] / "docs" / "report.md"


def test_the_page_says_how_long_a_server_may_keep_us_away() -> None:
    assert f"for at most {client.LONGEST_WAIT / 3600:g} hours" in PAGE.read_text()


def test_the_example_is_a_report_that_holds_together() -> None:
    example = PAGE.read_text().split("```json\n")[1].split("```")[0]
    assert parse(exact.loads(example)).warnings() == []
