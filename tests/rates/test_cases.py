"""Real calls with exact prices: the agreed cases, and a gateway's own bills."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import finops_pack
from finops_pack import rates
from finops_pack.model import Usage
from finops_pack.money import to_pico

FIELDS = {
    "cache_read": "cache_read_tokens",
    "cache_write_5m": "cache_write_5m_tokens",
    "cache_write_1h": "cache_write_1h_tokens",
    "output": "output_tokens",
    "reasoning": "reasoning_tokens",
}
NOON = "2026-11-20T12:00:00Z"


def usage_of(case: dict[str, Any]) -> Usage:
    return Usage(**{FIELDS.get(name, name): count for name, count in case["usage"].items()})


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared_data / "cost_cases_dev.json").read_text())
    return found


def test_every_agreed_case_is_exact(cases: dict[str, Any]) -> None:
    wrong = []
    for case in cases["cases"]:
        usage, expected = usage_of(case), Decimal(case["expected_usd"])
        cost = finops_pack.price(
            case["model"],
            usage,
            provider=case["provider"],
            at=case["timestamp"],
            context=case["context"],
        )
        at_us = int(datetime.fromisoformat(case["timestamp"]).timestamp()) * 1_000_000
        pico = rates.price_pico(case["model"], usage, case["provider"], at_us, case["context"])
        if cost.usd != expected or pico[0] != to_pico(expected) or pico[2] != cost.rate_id:
            wrong.append((case["id"], case["model"], expected, cost, pico))
    assert wrong == []
    assert len(cases["cases"]) >= 69


def test_what_nobody_sells_is_unpriced(cases: dict[str, Any]) -> None:
    for case in cases["unpriced_cases"]:
        cost = finops_pack.price(
            case["model"], usage_of(case), provider=case["provider"], at=case["timestamp"]
        )
        assert (cost.state, cost.usd, cost.rate_id) == ("unpriced", None, None), case["model"]
        assert cost.reason


def test_a_gateways_bills_are_met_to_the_last_digit(shared_data: Path) -> None:
    billed, invalid = 0, 0
    with gzip.open(shared_data / "miniswe_calls_dev.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            usage = Usage(
                int(row["inp"]),
                int(row["out"]),
                cache_read_tokens=int(row["cached"] or 0),
                reasoning_tokens=int(row["reason"] or 0),
            )
            at_us = int(float(row["created"]) * 1_000_000)
            pico, state, _, _ = rates.price_pico(row["model"], usage, None, at_us, None)
            if row["cost"]:
                assert pico == to_pico(Decimal(row["cost"])), row
                billed += 1
            elif state == "unpriced":
                assert "invalid" in (finops_pack.price(row["model"], usage).reason or "")
                invalid += 1
    assert (billed, invalid) == (9456, 7)


@pytest.mark.parametrize(
    ("model", "provider", "usage", "at", "context", "usd"),
    [
        # The rate table and the cache prices of the API's documentation.
        ("gpt-4o", "openai", Usage(10**6, 10**6), NOON, {}, "12.5"),
        ("claude-sonnet-4-20250514", "anthropic", Usage(10**6, 10**6), NOON, {}, "18"),
        ("gpt-4o-mini", "openai", Usage(10**6, 10**6), NOON, {}, "0.75"),
        ("text-embedding-3-small", "openai", Usage(10**6), NOON, {}, "0.02"),
        ("claude-sonnet-4", None, Usage(10**6, 0, 10**6), NOON, {}, "0.3"),
        ("claude-sonnet-4", None, Usage(10**6, 0, 0, 10**6), NOON, {}, "3.75"),
        ("claude-sonnet-4", None, Usage(10**6, 0, 0, 0, 10**6), NOON, {}, "6"),
        # The price at the time of the call.
        ("o3", "openai", Usage(1000, 1000), "2026-11-20", {}, "0.01"),
        ("gpt-5.6-sol", "openai", Usage(10_000, 1000), "2026-08-20", {}, "0.08"),
        ("gpt-5.6-sol", "openai", Usage(10_000, 1000), "2026-08-21", {}, "0.06"),
        # A tier re-rates the whole call, output too, once the total input exceeds it.
        ("gemini-2.5-pro", "google", Usage(200_000, 1000), NOON, {}, "0.26"),
        ("gemini-2.5-pro", "google", Usage(200_001, 1000), NOON, {}, "0.5150025"),
        ("claude-sonnet-4-5", None, Usage(200_001, 0), "2025-12-01", {}, "1.200006"),
        ("claude-sonnet-4-5", None, Usage(200_001, 0), "2026-05-01", {}, "0.600003"),
        ("grok-4.6", "xai", Usage(200_000, 0), NOON, {}, "0.8"),
        # Bedrock's long context by every name of the model.
        ("eu.anthropic.claude-sonnet-4-20250514-v1:0", None, Usage(200_001), NOON, {}, "1.200006"),
        ("claude-sonnet-4-20250514", "bedrock", Usage(200_001), NOON, {}, "1.200006"),
        ("claude-sonnet-4-5-20250929-v1:0", "bedrock", Usage(200_001), NOON, {}, "1.3200066"),
        # Batch, flex, priority, fast.
        ("gpt-4o", None, Usage(1000, 100, 500), NOON, {"processing": "batch"}, "0.00175"),
        ("gemini-2.5-pro", None, Usage(1000, 0, 1000), NOON, {"service_tier": "flex"}, "0.000125"),
        ("gemini-2.5-pro", None, Usage(1000, 0), NOON, {"service_tier": "priority"}, "0.00225"),
        ("claude-opus-5-5", None, Usage(1000, 0), NOON, {"speed": "fast"}, "0.008"),
        ("claude-opus-5-5", None, Usage(1000, 0), NOON, {"service_tier": "fast"}, "0.008"),
        ("claude-haiku-4-5", None, Usage(1000, 0), NOON, {"service_tier": "batch"}, "0.0005"),
        # Anthropic's US-only inference, a tenth more for tokens; no region else, no reseller's.
        ("claude-opus-5-5", None, Usage(1000, 100, 500), NOON, {"region": "us"}, "0.00451"),
        (
            "claude-opus-5-5",
            None,
            Usage(0, extra={"web_search": 1}),
            NOON,
            {"region": "us"},
            "0.01",
        ),
        ("claude-opus-5-5", None, Usage(1000, 0), NOON, {"region": "global"}, "0.004"),
        ("claude-opus-5-5", "azure", Usage(1000, 0), NOON, {"region": "us"}, "0.004"),
        (
            "claude-opus-5-5",
            None,
            Usage(1000, 0),
            NOON,
            {"region": "us", "processing": "batch"},
            "0.0022",
        ),
        # Tokens of pictures cost what text does where they have no price of their own.
        (
            "gpt-image-1",
            None,
            Usage(0, 1000, extra={"image_output_tokens": 1000}),
            NOON,
            {},
            "0.04",
        ),
        # Peak hours of DeepSeek: weekdays only. The 21st and 22nd are a weekend.
        ("deepseek-v4-pro", None, Usage(1000, 0), "2026-11-20T07:30Z", {}, "0.00132"),
        ("deepseek-v4-pro", None, Usage(1000, 0), "2026-11-20T10:00Z", {}, "0.00066"),
        ("deepseek-v4-pro", None, Usage(1000, 0), "2026-11-21T07:30Z", {}, "0.00066"),
        ("deepseek-v4-pro", None, Usage(1000, 0), "2026-11-22T07:30Z", {}, "0.00066"),
        ("deepseek-v4-pro", None, Usage(1000, 0), "2026-08-14T07:30Z", {}, "0.000435"),
    ],
)
def test_prices_on_file(
    model: str, provider: str | None, usage: Usage, at: str, context: dict[str, str], usd: str
) -> None:
    cost = finops_pack.price(model, usage, provider=provider, at=at, context=context)
    assert (cost.state, cost.usd) == ("priced", Decimal(usd)), cost


def test_a_name_that_moved_and_that_no_two_sources_agree_on_is_unpriced() -> None:
    before = finops_pack.price("deepseek-chat", Usage(1000, 0), at="2025-06-01T12:00Z")
    after = finops_pack.price("deepseek-chat", Usage(1000, 0), at="2026-06-01T12:00Z")
    assert before.usd == Decimal("0.00027")
    assert after.state == "unpriced"
