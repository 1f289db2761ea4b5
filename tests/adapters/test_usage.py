"""Every producer's usage becomes the same counts; nothing that an API sends can break us."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops_pack.adapters import _numbers, _usage
from finops_pack.model import Usage

FULL = Usage(1000, 200, 600, 200, 100, 50)
OPENAI = {
    "prompt_tokens": 1000,
    "completion_tokens": 200,
    "total_tokens": 1200,
    "prompt_tokens_details": {"cached_tokens": 600},
    "completion_tokens_details": {"reasoning_tokens": 50},
}
LANGCHAIN = {"input_tokens": 1000, "output_tokens": 200, "total_tokens": 1200}


@pytest.mark.parametrize(
    ("read", "raw", "expected"),
    [
        (_usage.openai, OPENAI, Usage(1000, 200, 600, reasoning_tokens=50)),
        (
            _usage.openai,
            {
                "input_tokens": 1000,
                "output_tokens": 200,
                "input_tokens_details": {"cached_tokens": 600},
                "output_tokens_details": {"reasoning_tokens": 50},
            },
            Usage(1000, 200, 600, reasoning_tokens=50),
        ),
        (
            _usage.openai,  # xAI (vercel/ai #12425): reasoning in the total alone
            {
                "prompt_tokens": 32,
                "completion_tokens": 9,
                "total_tokens": 135,
                "prompt_tokens_details": {"cached_tokens": 6},
                "completion_tokens_details": {"reasoning_tokens": 94},
            },
            Usage(32, 103, 6, reasoning_tokens=94),
        ),
        (_usage.openai, {"prompt_tokens": 8, "total_tokens": 8}, Usage(8)),
        (
            _usage.openai,  # DeepSeek: a miss is no write
            {
                "prompt_tokens": 100,
                "completion_tokens": 5,
                "prompt_cache_hit_tokens": 64,
                "prompt_cache_miss_tokens": 36,
            },
            Usage(100, 5, 64),
        ),
        (
            _usage.openai,  # LiteLLM of an Anthropic model: prompt_tokens is the total
            {
                "prompt_tokens": 1000,
                "completion_tokens": 200,
                "cache_read_input_tokens": 600,
                "cache_creation_input_tokens": 300,
                "prompt_tokens_details": {
                    "cached_tokens": 600,
                    "cache_creation_token_details": {
                        "ephemeral_5m_input_tokens": 200,
                        "ephemeral_1h_input_tokens": 100,
                    },
                },
            },
            Usage(1000, 200, 600, 200, 100),
        ),
        (
            _usage.openai,
            {
                "prompt_tokens": 100,
                "completion_tokens": 60,
                "prompt_tokens_details": {"audio_tokens": 40},
                "completion_tokens_details": {"audio_tokens": 50},
            },
            Usage(100, 60, extra={"audio_input_tokens": 40, "audio_output_tokens": 50}),
        ),
        (
            _usage.anthropic,
            {
                "input_tokens": 100,
                "cache_read_input_tokens": 600,
                "cache_creation_input_tokens": 300,
                "cache_creation": {
                    "ephemeral_5m_input_tokens": 200,
                    "ephemeral_1h_input_tokens": 100,
                },
                "output_tokens": 200,
                "output_tokens_details": {"thinking_tokens": 50},
                "server_tool_use": {"web_search_requests": 2},
            },
            Usage(1000, 200, 600, 200, 100, 50, {"web_search": 2}),
        ),
        (
            _usage.anthropic,  # no split: five minutes
            {"input_tokens": 100, "cache_creation_input_tokens": 300, "output_tokens": 1},
            Usage(400, 1, 0, 300),
        ),
        (
            _usage.gemini,
            {
                "prompt_token_count": 900,
                "tool_use_prompt_token_count": 100,
                "cached_content_token_count": 600,
                "candidates_token_count": 150,
                "thoughts_token_count": 50,
            },
            Usage(1000, 200, 600, reasoning_tokens=50),
        ),
        (
            _usage.gemini,
            {"promptTokenCount": 1000, "candidatesTokenCount": 200, "cachedContentTokenCount": 600},
            Usage(1000, 200, 600),
        ),
        (
            _usage.bedrock,
            {
                "inputTokens": 100,
                "outputTokens": 200,
                "cacheReadInputTokens": 600,
                "cacheWriteInputTokens": 300,
                "cacheDetails": [{"ttl": "1h", "inputTokens": 100}],
            },
            Usage(1000, 200, 600, 200, 100),
        ),
        (
            _usage.langchain,  # Anthropic, whole answers
            {
                **LANGCHAIN,
                "input_token_details": {
                    "cache_read": 600,
                    "cache_creation": 0,
                    "ephemeral_5m_input_tokens": 200,
                    "ephemeral_1h_input_tokens": 100,
                },
                "output_token_details": {"reasoning": 50},
            },
            FULL,
        ),
        (
            _usage.langchain,  # Anthropic, streams
            {**LANGCHAIN, "input_token_details": {"cache_read": 600, "cache_creation": 300}},
            Usage(1000, 200, 600, 300),
        ),
        (
            _usage.langchain,
            {
                **LANGCHAIN,
                "input_token_details": {"flex_cache_read": 600, "flex": 400},
                "output_token_details": {"flex_reasoning": 50, "flex": 150},
            },
            Usage(1000, 200, 600, reasoning_tokens=50),
        ),
        (
            _usage.langchain,  # langchain-google-vertexai: output without thoughts
            {
                "input_tokens": 1000,
                "output_tokens": 150,
                "total_tokens": 1200,
                "output_token_details": {"reasoning": 50},
            },
            Usage(1000, 200, reasoning_tokens=50),
        ),
    ],
)
def test_producers(read: Any, raw: dict[str, Any], expected: Usage) -> None:
    assert read(raw) == expected
    assert expected.problems == ()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (OPENAI, Usage(1000, 200, 600, reasoning_tokens=50)),
        ({"promptTokenCount": 7, "candidatesTokenCount": 1}, Usage(7, 1)),
        ({"inputTokens": 7, "outputTokens": 1}, Usage(7, 1)),
        ({"input_tokens": 7, "output_tokens": 1, "cache_read_input_tokens": 3}, Usage(10, 1, 3)),
        ({"input_tokens": 7, "output_tokens": 1}, Usage(7, 1)),
    ],
)
def test_shapes_are_told_apart_by_their_keys(raw: dict[str, Any], expected: Usage) -> None:
    assert _usage.any_shape(raw) == expected


def test_parts_over_their_total_are_kept_and_named() -> None:
    usage = _usage.openai({"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 9}})
    assert usage is not None
    assert (usage.input_tokens, usage.cache_read_tokens) == (5, 9)
    assert usage.problems


def test_the_tier_is_read_from_the_key_names() -> None:
    assert _usage.tier_of({"priority": 400}) == "priority"
    assert _usage.tier_of({"cache_read": 1}) is None


garbage = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
TOKENS = ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "inputTokens")
DETAILS = (
    "prompt_tokens_details",
    "completion_tokens_details",
    "input_token_details",
    "output_token_details",
    "cache_creation",
    "cache_read_input_tokens",
    "cacheDetails",
    "server_tool_use",
    "promptTokenCount",
)
keys = st.sampled_from(TOKENS + DETAILS)


@settings(max_examples=300, deadline=None)
@given(raw=garbage | st.dictionaries(keys, garbage | st.dictionaries(keys, garbage)))
def test_nothing_an_api_sends_raises(raw: Any) -> None:
    readers = (_usage.openai, _usage.anthropic, _usage.gemini, _usage.bedrock)
    for read in (*readers, _usage.langchain, _usage.any_shape):
        usage = read(raw)
        assert usage is None or isinstance(usage, Usage)
        assert usage is None or isinstance(usage.problems, tuple)
    if _usage.langchain(raw) is not None:  # what could be read tells its tier, or none
        assert _usage.tier_of(raw.get("input_token_details") or ()) in (None, "flex", "priority")
    _numbers.charged(raw)
