"""Token counts when the provider gave none: from the length of the text, and marked so."""

from __future__ import annotations

import json
from typing import Any

from finops_pack.model import Usage
from finops_pack.recorder._messages import listed, pairs, text_of

METHOD = "utf8 bytes / 4"
PER_MESSAGE = 4  # the chat format's own tokens around each message


def tokens(text: str) -> int:
    """About how many tokens a text has: within 15 % on English prose, worse on code."""
    return (len(text.encode("utf-8", "replace")) + 3) // 4


def estimate(messages: Any, response: Any, tools: Any = None) -> Usage:
    """The usage of a call from what was sent and what came back."""
    sent = sum(tokens(text) + PER_MESSAGE for _, text in pairs(messages)) + _schemas(tools)
    return Usage(input_tokens=sent, output_tokens=tokens(text_of(response)))


def _schemas(tools: Any) -> int:
    """What the tools on offer add to a prompt, by the JSON that is sent of them."""
    try:
        return sum(tokens(json.dumps(tool, default=str)) for tool in listed(tools))
    except Exception:  # noqa: BLE001 - any object at all may stand here
        return 0
