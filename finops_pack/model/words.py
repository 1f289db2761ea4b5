"""The words of the vocabulary: names that values may take, and what counts are called."""

from __future__ import annotations

from typing import Literal

Basis = Literal["measured", "estimated", "unknown"]
CostState = Literal["priced", "free", "partial", "unpriced"]
BillingMode = Literal["metered", "subscription", "unknown"]
Status = Literal["ok", "error", "cancelled", "unknown", "cache_hit"]
Trigger = Literal["user", "heartbeat", "cron", "agent"]
Outcome = Literal["succeeded", "failed"]

VERIFIERS = ("schema", "format", "tool", "edit", "missing", "guardrail", "user")
EXTRA_UNITS = (
    "web_search",
    "image",
    "audio_input_tokens",
    "audio_output_tokens",
    "code_execution",
    "cache_storage",
    "request",
)
TOKEN_FIELDS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
)
MAX_COUNT = 10**12
