from __future__ import annotations

from pathlib import Path

from scripts import coverage

PAGE = Path(__file__).parent.parent.parent / "docs" / "coverage.md"


def test_the_page_is_made_from_the_adapters() -> None:
    assert PAGE.read_text(encoding="utf-8") == coverage.page(), "run: python scripts/coverage.py"
