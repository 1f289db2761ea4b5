"""Token counts when the provider gave none: from the length of the text, and marked so."""

from __future__ import annotations

from typing import Any

from finops_pack.model import Usage
from finops_pack.recorder._messages import pairs, text_of

METHOD = "utf8 bytes / 4"
PER_MESSAGE = 4  # the chat format's own tokens around each message


def tokens(text: str) -> int:
    """About how many tokens a text has: within 15 % on English prose, worse on code."""
    return (len(text.encode("utf-8", "replace")) + 3) // 4


def estimate(messages: Any, response: Any) -> Usage:
    """The usage of a call from what was sent and what came back."""
    sent = sum(tokens(text) + PER_MESSAGE for _, text in pairs(messages))
    return Usage(input_tokens=sent, output_tokens=tokens(text_of(response)))
