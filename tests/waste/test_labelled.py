"""What the labels and bills of real logs say; `python -m bench.labelled` prints the same table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.labelled import Figure, aider_figures, claude_figures, command_figures, miniswe_figures

FIGURES = [miniswe_figures, command_figures, aider_figures, claude_figures]


@pytest.mark.parametrize("figures", FIGURES)
def test_figures_hold(figures: Callable[[Path], Iterator[Figure]], shared_data: Path) -> None:
    shown = list(figures(shared_data))
    assert shown
    assert [figure for figure in shown if not figure.holds] == []
