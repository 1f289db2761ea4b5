"""A small version of `bench/outage.py`: dead, then hostile, then well; kills on both sides."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_day_arrives_once_through_an_outage_and_kills() -> None:
    words = ["--rounds", "2", "--seed", "7", "--hours", "1", "9", "12"]
    run = subprocess.run(
        [sys.executable, "-m", "bench.outage", *words], cwd=ROOT, text=True, capture_output=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "2 of 2 rounds" in run.stdout
