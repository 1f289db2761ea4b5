from __future__ import annotations

from pathlib import Path

from scripts import coverage

PAGE = Path(__file__).parent.parent.parent / "docs" / "coverage.md"


def test_the_page_is_made_from_the_adapters() -> None:
    # Its other part, the ways of calling, is held cell by cell in tests/adapters/test_matrix.py.
    page = PAGE.read_text(encoding="utf-8")
    assert page.startswith(coverage.limits()), "python -m scripts.coverage > docs/coverage.md"
