"""Prompt-cache facts and cheaper stand-ins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from finops_pack import rates
from finops_pack.model import Usage

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("provider", "model", "minimum", "ttl", "long_ttl", "explicit", "step"),
    [
        ("anthropic", "claude-opus-4-6", 4096, 300, 3600, True, 1),
        ("anthropic", "claude-opus-4-5-20251101", 4096, 300, 3600, True, 1),
        ("openrouter", "anthropic/claude-opus-4.5", 4096, 300, 3600, True, 1),
        ("anthropic", "claude-opus-4-7", 2048, 300, 3600, True, 1),
        ("anthropic", "claude-opus-4-8", 1024, 300, 3600, True, 1),
        ("anthropic", "claude-opus-4-1-20250805", 1024, 300, 3600, True, 1),
        ("anthropic", "claude-opus-4-20250514", 1024, 300, 3600, True, 1),
        ("anthropic", "claude-opus-5-5", 512, 300, 3600, True, 1),
        ("anthropic", "claude-fable-5-2", 512, 300, 3600, True, 1),
        ("anthropic", "claude-haiku-5-5", 512, 300, 3600, True, 1),
        ("anthropic", "claude-sonnet-5-5", 512, 300, 3600, True, 1),
        ("anthropic", "claude-sonnet-5", 1024, 300, 3600, True, 1),
        ("anthropic", "claude-sonnet-4-6", 1024, 300, 3600, True, 1),
        (None, "claude-haiku-4-5-20251001", 4096, 300, 3600, True, 1),
        ("anthropic", "claude-3-5-haiku-20241022", 2048, 300, 3600, True, 1),
        ("bedrock", "us.anthropic.claude-opus-4-6-v1", 4096, 300, 3600, True, 1),
        ("vertex_ai", "claude-opus-4-6", 4096, 300, 3600, True, 1),
        ("openai", "gpt-5", 1024, 300, 86400, False, 128),
        ("azure", "gpt-5", 1024, 300, 86400, False, 128),
        (None, "gemini-2.5-flash", 2048, 300, 3600, False, 1),
        (None, "gemini-2.5-pro", 2048, 300, 3600, False, 1),
        (None, "gemini-3.8-flash", 4096, 300, 3600, False, 1),
        (None, "gemini-3-pro-preview", 2048, 300, 3600, False, 1),
        (None, "gemini-4-argon", 4096, 300, 3600, False, 1),
        ("google", "gemini-3.1-pro-preview", 4096, 300, 3600, False, 1),
    ],
)
def test_cache_rules_on_file(
    provider: str | None,
    model: str,
    minimum: int,
    ttl: int,
    long_ttl: int,
    explicit: bool,
    step: int,
) -> None:
    rules = rates.cache_rules(provider, model, NOW)
    assert rules is not None
    assert (rules.minimum_tokens, rules.ttl_seconds) == (minimum, ttl)
    assert (rules.long_ttl_seconds, rules.explicit, rules.step_tokens) == (long_ttl, explicit, step)
    assert rules.source.startswith("https://")
    assert rules.checked.startswith("2026-")


def test_what_is_not_on_file_is_not_guessed() -> None:
    assert rates.cache_rules("deepseek", "deepseek-v4-pro", NOW) is None
    assert rates.cache_rules(None, "my-own-model", NOW) is None


def test_cache_rules_are_dated(user_table: Callable[..., Path]) -> None:
    user_table(
        """provider: openai
cache_rules:
  - minimum_tokens: 64
    ttl_seconds: 60
    effective_from: "2026-11-01"
    source: x
    checked: "2026-11-01"
"""
    )
    after = rates.cache_rules("openai", "gpt-5", NOW)
    before = rates.cache_rules("openai", "gpt-5", datetime(2026, 10, 31, tzinfo=UTC))
    assert after is not None
    assert before is not None
    assert (after.minimum_tokens, before.minimum_tokens) == (64, 1024)


def cost(model: str, provider: str | None = None) -> float:
    return float(rates.price(model, Usage(3000, 1000), provider=provider).usd or -1)


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o", "openai"),
        ("gpt-4o", "azure"),
        ("claude-opus-4-6", None),
        ("gemini-2.5-pro", "vertex_ai"),
        ("mistral-large-2407", "mistral"),
        ("deepseek-v4-pro", "deepseek"),
    ],
)
def test_alternatives_are_cheaper_on_the_same_table_and_near_first(
    model: str, provider: str | None
) -> None:
    others = rates.alternatives(model, provider)
    assert others
    costs = [cost(other, provider) for other in others]
    assert all(0 < each < cost(model, provider) for each in costs)
    assert costs == sorted(costs, reverse=True)


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-6-luna", "openai"),  # the cheapest
        ("gpt-4o-audio-preview", "openai"),  # answers in another way
        ("text-embedding-3-large", "openai"),
        ("nobody-knows-me", None),
    ],
)
def test_nothing_stands_in_for_these(model: str, provider: str | None) -> None:
    assert rates.alternatives(model, provider) == ()


def test_every_stand_in_on_file_has_a_price() -> None:
    for provider in rates.providers():
        for name in rates.current().ladder(provider):
            assert rates.price(name, Usage(1000, 1000), provider=provider).usd, name
