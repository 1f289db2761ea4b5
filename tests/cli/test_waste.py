from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finops_pack.ledger import open_ledger

Finops = Callable[..., Any]


@pytest.fixture
def trouble(week: Path) -> None:
    """The week, and a task in which an answer was rejected and a tool asked twice."""
    now_us = time.time_ns() // 1000
    use = {"id": "t", "name": "read", "args_hash": "a", "result_hash": "r"}
    extra = ({"verifier": "schema"}, {}, {"tool_calls": [use]}, {"tool_calls": [use]})
    lines = [
        {"type": "call", "id": f"trouble-{n}", "start_us": now_us - (9 - n) * 1_000_000,
         "model": "gpt-4o", "provider": "openai", "task": "trouble", "input_tokens": 1000,
         "cost_pico": 40_000_000_000, "cost_state": "priced", "billing_mode": "metered", **more}
        for n, more in enumerate(extra)
    ]  # fmt: skip
    ledger = open_ledger(str(week))
    ledger.book(lines)
    ledger.close()


def test_the_document_adds_up(finops: Finops, trouble: None) -> None:
    told = finops("waste", "--json", "--last", "30d").json
    parts = {name: Decimal(part["usd"]) for name, part in told["categories"].items()}
    assert parts == {
        "hallucination_recovery": Decimal("0.04"),
        "repeat_calls": Decimal("0.04"),
    }
    assert sum(parts.values()) == Decimal(told["avoidable_usd"]) <= Decimal(told["total_cost_usd"])
    for name, usd in parts.items():
        found = [Decimal(f["usd"]) for f in told["findings"] if f["category"] == name]
        assert sum(found) == usd
        assert all(f["evidence"] and f["mend"] for f in told["findings"])
    assert told["unknown"]["unused_context"]["tokens"] > 0


def test_the_screen_shows_category_evidence_and_mend(finops: Finops, trouble: None) -> None:
    said = finops("waste", "--last", "30d", "--limit", "1")
    assert said.out.startswith("avoidable\n")
    assert "of all" in said.out
    assert said.out.count("mend: ") == 1
    assert "unused context: unknown for " in said.out
    assert "more: finops waste --last 30d --limit 1 --json" in said.out


@pytest.mark.parametrize("basis", ["measured", "estimated"])
def test_every_screen_says_what_is_estimated(
    finops: Finops, trouble: None, week: Path, basis: str
) -> None:
    with contextlib.closing(open_ledger(str(week))) as ledger:
        for n in range(4):
            amended = {"type": "amend", "id": f"trouble-{n}", "usage_basis": basis}
            assert not ledger.book([amended]).rejected
    marked = ", $0.08 of it estimated; most: " in finops("overview").out  # of all, not of the most
    assert marked == (basis == "estimated")
    said = finops("report", "--date", "today").out
    assert ("repeat_calls (estimated)" in said) == (basis == "estimated")


def test_one_task_can_be_asked_about(finops: Finops, week: Path) -> None:
    told = finops("waste", "--json", "--last", "30d", "--task", "ticket-1-1").json
    assert {call[:3] for f in told["findings"] for call in f["calls"]} <= {"1-1"}
    assert Decimal(told["total_cost_usd"]) < 1


def test_what_explains_an_unpriced_task_has_no_dollars(finops: Finops, week: Path) -> None:
    now_us = time.time_ns() // 1000
    line = {"type": "call", "id": "long", "start_us": now_us - 9_000_000, "model": "house-llm",
            "action": "step", "task": "long", "input_tokens": 9, "output_tokens": 60_000,
            "cost_state": "unpriced", "billing_mode": "metered"}  # fmt: skip
    ledger = open_ledger(str(week))
    ledger.book([line])
    ledger.close()
    assert "unpriced  verbosity: " in finops("forensics", "--last", "30d").out


def test_what_errors_cost_is_written_as_on_other_screens(finops: Finops, trouble: None) -> None:
    said = finops("forensics", "--last", "30d", "--relations").out
    assert "$0 of $" in said


def test_score_and_what_a_task_costs(finops: Finops, trouble: None) -> None:
    said = finops("score", "--last", "30d")
    assert " of 100: $0.08 of $" in said.out
    assert "cost per task: $0.091 (n = 49)" in said.out
    assert "the mend: finops waste --last 30d\n" in said.out, "of the same period"
    told = finops("score", "--json", "--last", "30d").json
    lost = sum(part["points"] for part in told["points"])
    assert told["score"] + lost == pytest.approx(100, abs=0.02)


def test_too_little_is_said(finops: Finops, week: Path) -> None:
    said = finops("score", "--last", "30d", "--task", "ticket-1-1")
    assert "insufficient data: 3 calls" in said.out
    assert finops("score", "--json", "--task", "ticket-1-1").json["score"] is None


def test_the_cache_says_what_warmth_is_and_on_which_model(finops: Finops, week: Path) -> None:
    now_us = time.time_ns() // 1000
    lines = [
        {"type": "call", "id": f"c{n}", "start_us": now_us - (9 - n) * 1_000_000, "session": "s",
         "project": "warm",
         "model": "claude-sonnet-4-5", "provider": "anthropic", "input_tokens": 4000,
         "cache_read_tokens": 3000 if n else 0, "cache_write_5m_tokens": 1000 if n else 4000,
         "cost_pico": 10**9, "cost_state": "priced", "billing_mode": "metered"}
        for n in range(3)
    ]  # fmt: skip
    ledger = open_ledger(str(week))
    ledger.book(lines)
    ledger.close()
    said = finops("cache", "--last", "1h", "--project", "warm")
    assert "warmth (hits of attainable) " in said.out.splitlines()[0]
    assert "session s on claude-sonnet-4-5: cold in " in said.out
    header = next(line for line in said.out.splitlines() if line.split()[:1] == ["cause"])
    assert header.split()[-2:] == ["tokens", "lost"], "measured, as finops waste calls it"
    waste = finops("waste", "--last", "1h", "--project", "warm", "--json").json
    assert waste["categories"]["cold_cache"]["basis"] == "measured"


def test_what_was_lost_at_a_price_that_nobody_knows_is_not_nothing(
    finops: Finops, week: Path
) -> None:
    now_us = time.time_ns() // 1000
    lines = [
        {"type": "call", "id": f"n{n}", "start_us": now_us - (9 - n) * 1_000_000, "session": "n",
         "project": "new", "model": "claude-next", "provider": "anthropic", "input_tokens": 9000,
         "cache_read_tokens": 3000, "cost_state": "unpriced", "billed_pico": 10**9}
        for n in range(3)
    ]  # fmt: skip
    ledger = open_ledger(str(week))
    ledger.book(lines)
    ledger.close()
    said = finops("cache", "--last", "1h", "--project", "new").out
    assert "in all 12k tokens without a price; what counts of it" in said
    said = finops("waste", "--last", "1h", "--project", "new").out
    assert "cold cache: unknown for 12k tokens in 2 calls" in said
