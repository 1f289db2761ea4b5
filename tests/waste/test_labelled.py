"""What the labels and bills of real logs say; `python -m bench.labelled` prints the same table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench._calls import RateFacts, miniswe
from bench.labelled import Figure, aider_figures, claude_figures, miniswe_figures
from finops_pack import waste


@pytest.mark.parametrize("figures", [miniswe_figures, aider_figures, claude_figures])
def test_figures_hold(figures: Callable[[Path], Iterator[Figure]], shared_data: Path) -> None:
    shown = list(figures(shared_data))
    assert shown
    assert [figure for figure in shown if not figure.holds] == []


def test_ten_thousand_calls_in_a_second_or_two(shared_data: Path) -> None:
    calls = list(miniswe(shared_data))
    start = time.process_time()
    waste.find(calls, RateFacts())
    assert time.process_time() - start < 3  # 100,000 calls: tens of seconds at the very worst
