"""Ledgers of every kind behind one fixture, and short ways to say what a call was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from finops_pack.ledger import Ledger, _say
from finops_pack.ledger.sqlite import SQLiteLedger

NOON = 1_763_985_600_000_000  # 2025-11-24 12:00 UTC


@pytest.fixture(autouse=True)
def _warnings_anew() -> Iterator[None]:
    _say._said.clear()
    yield
    _say._said.clear()


@pytest.fixture
def new_ledger(tmp_path: Path) -> Iterator[Callable[[], Ledger]]:
    """Makes empty ledgers, closed at the end of the test."""
    made: list[SQLiteLedger] = []

    def make() -> Ledger:
        made.append(SQLiteLedger(str(tmp_path / f"ledger{len(made)}.db")))
        return made[-1]

    yield make
    for ledger in made:
        ledger.close()


@pytest.fixture
def ledger(new_ledger: Callable[[], Ledger]) -> Ledger:
    """One empty ledger."""
    return new_ledger()


@pytest.fixture
def line() -> Callable[..., dict[str, Any]]:
    """A `call` line: priced at 1 µ$ unless said otherwise."""

    def make(call_id: str = "c1", **fields: Any) -> dict[str, Any]:
        row = {
            "type": "call",
            "id": call_id,
            "start_us": NOON,
            "model": "gpt-4o",
            "provider": "openai",
            "input_tokens": 10,
            "output_tokens": 5,
            "cost_pico": 1_000_000,
            "cost_state": "priced",
            "billing_mode": "metered",
        }
        return {k: v for k, v in {**row, **fields}.items() if v is not None}

    return make
