"""The report of a day: its sums hold, it names what has no price, and nothing private is in it."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops_pack import config
from finops_pack.ledger import open_ledger
from finops_pack.model import Totals
from finops_pack.report import exact
from finops_pack.report.build import MAX_NAMES, OTHER, Day, Identity, compose, identity
from finops_pack.report.model import parse
from finops_pack.report.names import NONE, WITHHELD

WHO = Identity("led_1")
PICO = st.integers(0, 10**17).map(lambda pico: Decimal(pico).scaleb(-12))


@st.composite
def totals(draw: st.DrawFn) -> Totals:
    """One group of calls: some priced, some free, some without a price."""
    priced, free, unpriced = (draw(st.integers(0, 50)) for _ in range(3))
    return Totals(
        key=draw(st.none() | st.text(max_size=8)),
        requests=priced + free + unpriced,
        calls=priced + free + unpriced,
        input_tokens=draw(st.integers(0, 10**9)),
        output_tokens=draw(st.integers(0, 10**9)),
        usd=draw(PICO) if priced else Decimal(0),
        priced_calls=priced,
        free_calls=free,
        unpriced_calls=unpriced,
    )


@st.composite
def days(draw: st.DrawFn) -> Day:
    """A day cut two ways, with waste that is a part of it."""
    rows = draw(st.lists(totals(), max_size=12, unique_by=lambda row: row.key))
    whole = sum(rows, Totals())
    names = draw(st.permutations([row.key for row in rows]))
    actions = [_renamed(row, name) for row, name in zip(rows, names, strict=True)]
    waste = {f"w{i}": row.usd for i, row in enumerate(rows) if draw(st.booleans())}
    score = draw(st.none() | st.decimals(0, 100, places=3))
    return Day("2026-02-28", whole, tuple(rows), tuple(actions), waste, score)


def _renamed(row: Totals, key: str | None) -> Totals:
    from dataclasses import replace

    return replace(row, key=key)


@given(days())
def test_the_invariants_hold_for_the_literals_that_are_sent(day: Day) -> None:
    body = exact.loads(compose(day, WHO).text())
    cost = Decimal(body["total_cost"])
    assert abs(cost - day.total.usd) <= Decimal("0.0000005")
    for name in ("cost_by_model", "cost_by_action"):
        assert sum(map(Decimal, body[name].values()), Decimal(0)) == cost
    assert sum(map(Decimal, body.get("waste_categories", {}).values()), Decimal(0)) <= cost
    assert ("waste_categories" in body) == bool(day.waste or day.score is not None)
    numbers = [cost, *(Decimal(v) for n in body if isinstance(body[n], dict)
                       for v in body[n].values() if not isinstance(v, str | dict))]  # fmt: skip
    assert all(number == round(number, 6) for number in numbers)
    assert body["total_tokens"] == day.total.input_tokens + day.total.output_tokens
    assert body["total_requests"] == day.total.requests
    assert parse(body).warnings() == []


@given(days())
def test_the_same_day_gives_the_same_body(day: Day) -> None:
    shuffled = Day(
        day.date,
        day.total,
        day.by_model[::-1],
        day.by_action[::-1],
        dict(reversed(list((day.waste or {}).items()))),
        day.score,
    )
    assert compose(shuffled, WHO).text() == compose(day, WHO).text()


@given(days())
def test_coverage_adds_up(day: Day) -> None:
    coverage = (compose(day, WHO).metadata or {})["coverage"]
    assert coverage["priced_requests"] + coverage["unpriced_requests"] == day.total.requests


def group(key: str | None, usd: str = "0", **counts: int) -> Totals:
    calls = counts.pop("calls", 1)
    return Totals(key=key, calls=calls, requests=calls, usd=Decimal(usd), **counts)


def day_of(*rows: Totals, **more: Any) -> Day:
    return Day("2026-02-28", sum(rows, Totals()), rows, rows, **more)


def test_free_is_zero_and_unpriced_is_named_instead() -> None:
    day = day_of(
        group("gpt-4o", "1.5", priced_calls=1),
        group("llama-local", free_calls=1),
        group("mystery", unpriced_calls=1),
        group("half-known", "0.5", calls=2, priced_calls=1, unpriced_calls=1),
    )
    report = compose(day, WHO)
    assert report.cost_by_model == {"gpt-4o": Decimal("1.5"), "half-known": Decimal("0.5"),
                                    "llama-local": 0}  # fmt: skip
    coverage = (report.metadata or {})["coverage"]
    assert coverage["unpriced_models"] == ["half-known", "mystery"]
    assert (coverage["priced_requests"], coverage["unpriced_requests"]) == (3, 2)


def test_a_model_is_not_without_a_price_since_counts_make_no_sense() -> None:
    day = day_of(
        group("gpt-4o", "1.5", calls=3, priced_calls=1, unpriced_calls=2, invalid_calls=2),
        group("mystery", unpriced_calls=2, invalid_calls=1, calls=2),
    )
    coverage = (compose(day, WHO).metadata or {})["coverage"]
    assert (coverage["unpriced_models"], coverage["unpriced_requests"]) == (["mystery"], 4)


@pytest.mark.parametrize(
    "name",
    ["/home/ann/model.gguf", "~/models/x", "./x.py", "C:\\Users\\ann\\x", "file:///etc/x",
     "mail to ann@example.com", "first line\nsecond", "half a \ud800 pair",
     "Compare the offer of Acme with ours and say why", "a" * 200, "\\\\host\\share",
     " /etc/passwd", "https://user:pw@host/x", "s3://bucket/key", "a\u202eb", "a\x9fb"],
)  # fmt: skip
def test_what_may_be_private_is_withheld(name: str) -> None:
    text = compose(day_of(group(name, "1", priced_calls=1)), WHO).text()
    assert name not in text
    assert exact.loads(text)["cost_by_model"] == {WITHHELD: 1}
    assert exact.loads(text)["cost_by_action"] == {WITHHELD: 1}


@pytest.mark.parametrize(
    "name",
    ["src/billing/acme.py", "report_mueller.docx", "Offer ACME.PDF", "max@localhost", "@max",
     "summarise this long contract please", "read src/a.c", "ü/home/max/x", "\u00a0notes"],
)  # fmt: skip
def test_an_action_that_names_a_file_or_a_person_or_tells_a_task_is_withheld(name: str) -> None:
    report = compose(day_of(group(name, "1", priced_calls=1)), WHO)
    assert report.cost_by_action == {WITHHELD: 1}


@pytest.mark.parametrize(
    "name",
    ["code_generation", "Draft answer", "researcher: summarize", "__start__", "ChatOpenAI",
     "anthropic/claude-sonnet-4.5", "meta-llama/Llama-3.1-8B", "mcp__server__tool", "Plan & act",
     "app.agents.plan", "team/researcher", "rag-v1.2", "Prüfung", "<b>evil</b>", "(none)",
     "Plan and execute", "final_answer", "batch"],
)  # fmt: skip
def test_ordinary_actions_stand_as_they_are(name: str) -> None:
    report = compose(day_of(group(name, "1", priced_calls=1)), WHO)
    assert report.cost_by_action == {name: 1}


@pytest.mark.parametrize(
    "name",
    ["claude-sonnet-4@20250514", "openai/gpt-4o", "us.anthropic.claude-3:0", "ft:gpt-4o:org::id",
     "accounts/fireworks/models/qwen3", "Recherche & Prüfung", "gpt-4.1@2025-04-14"],
)  # fmt: skip
def test_ordinary_names_stand_as_they_are(name: str) -> None:
    report = compose(day_of(group(name, "1", priced_calls=1)), WHO)
    assert report.cost_by_model == {name: 1}


def test_calls_without_an_action_stand_together() -> None:
    day = day_of(group(None, "1", priced_calls=1), group("", "2", priced_calls=1))
    assert compose(day, WHO).cost_by_action == {NONE: 3}


def test_names_are_capped_and_their_money_is_kept() -> None:
    rows = [group(f"action-{i}", f"0.{i:06}", priced_calls=1) for i in range(1, 1000)]
    report = compose(day_of(*rows), WHO)
    assert report.cost_by_action is not None
    assert len(report.cost_by_action) == MAX_NAMES + 1
    assert sum(report.cost_by_action.values()) == report.total_cost
    assert report.cost_by_action[OTHER] == sum(Decimal(f"0.{i:06}") for i in range(1, 800))
    assert len(report.text()) < 1 << 20


def test_little_data_leaves_score_and_waste_out() -> None:
    body = compose(day_of(group("gpt-4o", "1", priced_calls=1)), WHO).body()
    assert "efficiency_score" not in body
    assert "waste_categories" not in body


def test_the_identity_is_said() -> None:
    who = Identity("led_2", "1.4.2", "production")
    metadata = compose(day_of(), who).metadata or {}
    assert {k: metadata[k] for k in ("reporter", "agent_version", "environment")} == {
        "reporter": "led_2", "agent_version": "1.4.2", "environment": "production"}  # fmt: skip


def test_a_name_in_another_encoding_holds_up_no_report(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINOPS_ENVIRONMENT", os.fsdecode(b"pr\xfcfung"))
    config.reload()
    ledger = open_ledger(config.load().ledger)
    metadata = compose(day_of(), identity(ledger)).metadata or {}
    ledger.close()
    assert metadata["environment"] == "pr?fung"
    assert metadata["agent_version"] == "unknown"
