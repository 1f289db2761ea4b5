"""A ledger as a week of work leaves it, and a way to run a command."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from finops_pack import cli, config
from finops_pack.ledger import open_ledger

DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one document on stdout."""
        document: dict[str, Any] = json.loads(self.out)
        return document


@pytest.fixture
def finops(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs a command in this process."""

    def run(*words: str) -> Said:
        config.reload()
        capsys.readouterr()
        code = cli.main(words)
        told = capsys.readouterr()
        return Said(code, told.out, told.err)

    return run


@pytest.fixture
def week(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The ledger in force: six tasks a day over eight days, 0.03 USD and a bit for each call."""
    path = tmp_path / "ledger.db"
    monkeypatch.setenv("FINOPS_LEDGER", str(path))
    ledger = open_ledger(str(path))
    ledger.book(list(lines(time.time_ns() // 1000)))
    ledger.close()
    return path


def lines(now_us: int) -> Iterator[dict[str, Any]]:
    """144 metered calls of Claude and GPT, 8 of a flat plan, 2 without a price."""
    for day in range(8):
        for task in range(6):
            for step in range(3):
                yield call(day, task, step, now_us)
        yield {**call(day, 7, 0, now_us), "billing_mode": "subscription", "project": "plan"}
    yield {**call(0, 8, 0, now_us), "model": "house-llm", "cost_pico": None,
           "cost_state": "unpriced", "rate_id": None}  # fmt: skip
    yield {**call(0, 8, 1, now_us), "model": "house-llm", "cost_pico": None,
           "cost_state": "unpriced", "rate_id": None}  # fmt: skip


def call(day: int, task: int, step: int, now_us: int) -> dict[str, Any]:
    """One call `day` days ago; its id says where it stands."""
    name = f"{day}-{task}"
    return {
        "type": "call",
        "id": f"{name}-{step}",
        "start_us": now_us - day * DAY_US - (task * 10 + 9 - step) * 1_000_000,
        "duration_ms": 1800,
        "model": ("claude-sonnet-4-5", "claude-sonnet-4-5", "gpt-4o")[step],
        "provider": ("anthropic", "anthropic", "openai")[step],
        "project": "shop",
        "session": f"s{name}",
        "task": f"ticket-{name}",
        "parent": f"{name}-0" if step else None,
        "agent": "coder",
        "action": ("plan", "edit", "review")[step],
        "tags": {"customer": ("acme", "globex")[task % 2]},
        "input_tokens": 12_000 + 1000 * step,
        "cache_read_tokens": 8_000,
        "output_tokens": 700,
        "usage_basis": "estimated" if step == 2 and not task else "measured",
        "cost_pico": 30_000_000_000 + step,
        "cost_state": "priced",
        "rate_id": "test/rate#0",
        "billing_mode": "metered",
    }
