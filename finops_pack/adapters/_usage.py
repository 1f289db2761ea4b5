"""Usage objects of every producer as our `Usage`: totals with their parts, never clamped.

Conventions differ by producer, not by provider, so each has its own reader. Readers take
objects and dicts, never raise, and answer None when there is nothing to read.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from finops_pack.adapters._numbers import count, first, has
from finops_pack.model import TOKEN_FIELDS, Usage
from finops_pack.recorder._messages import get, listed

PLAIN_TIERS = (None, "default", "auto", "standard")  # service tiers at the usual price
_NOTHING: Mapping[str, Any] = {}
_EMPTY = Usage()
Reader = Callable[[Any], "Usage | None"]


def reader(read: Reader) -> Reader:
    """Garbage in, None out: what a provider sends must never break the agent.

    Nor is all 0 an answer: no request is without a token, but gateways keep counts back.
    """

    @functools.wraps(read)
    def tolerant(usage: Any) -> Usage | None:
        if usage is None:
            return None
        try:
            made = read(usage)
        except Exception:  # noqa: BLE001 - any object at all may stand here
            return None
        return made if made is None or made.input_tokens or made != _EMPTY else None

    return tolerant


def _units(**counts: int) -> dict[str, int]:
    return {name: number for name, number in counts.items() if number}


@reader
def openai(usage: Any) -> Usage | None:
    """OpenAI chat, responses and embeddings; DeepSeek, OpenRouter and LiteLLM speak it too.

    `prompt_tokens` is the total. Audio is inside the totals too; `rates` takes it out of them.
    Grok's reasoning is not: its total alone counts what was thought besides what was said.
    """
    if not has(usage, "prompt_tokens", "input_tokens", "total_tokens", "completion_tokens"):
        return None
    sent = get(usage, "prompt_tokens_details") or get(usage, "input_tokens_details")
    made = get(usage, "completion_tokens_details") or get(usage, "output_tokens_details")
    total = first(usage, "prompt_tokens", "input_tokens")
    out = first(usage, "completion_tokens", "output_tokens")
    thought = first(made, "reasoning_tokens")
    if thought and first(usage, "total_tokens") == total + out + thought:
        out += thought
    short, long = _writes(sent, usage)
    heard, spoken = first(sent, "audio_tokens"), first(made, "audio_tokens")
    return Usage(
        input_tokens=total,
        output_tokens=out,
        cache_read_tokens=first(sent, "cached_tokens") or _read(usage),
        cache_write_5m_tokens=short,
        cache_write_1h_tokens=long,
        reasoning_tokens=thought,
        extra=_units(audio_input_tokens=heard, audio_output_tokens=spoken),
    )


@reader
def images(usage: Any) -> Usage | None:
    """OpenAI's images: the tokens of pictures are inside the totals, at prices of their own."""
    seen = first(get(usage, "input_tokens_details"), "image_tokens")
    drawn = first(get(usage, "output_tokens_details"), "image_tokens")
    return _with_units(openai(usage), image_input_tokens=seen, image_output_tokens=drawn)


@reader
def transcription(usage: Any) -> Usage | None:
    """OpenAI's transcriptions: tokens, or the seconds that were heard."""
    seconds = get(usage, "seconds")
    if seconds is not None:
        return Usage(extra=_units(audio_seconds=round(seconds)))
    heard = first(get(usage, "input_token_details"), "audio_tokens")
    return _with_units(openai(usage), audio_input_tokens=heard)


def _with_units(usage: Usage | None, **counts: int) -> Usage | None:
    return replace(usage, extra={**usage.extra, **_units(**counts)}) if usage else None


def _read(usage: Any) -> int:
    return first(usage, "prompt_cache_hit_tokens", "cache_read_input_tokens")


def _writes(sent: Any, usage: Any) -> tuple[int, int]:
    """5-minute and 1-hour cache writes; what has no split counts as 5 minutes."""
    split = get(usage, "cache_creation") or get(sent, "cache_creation_token_details")
    long = first(split, "ephemeral_1h_input_tokens")
    every = first(sent, "cache_write_tokens", "cache_creation_tokens")
    every = every or first(usage, "cache_creation_input_tokens")
    return max(every, first(split, "ephemeral_5m_input_tokens") + long) - long, long


@reader
def anthropic(usage: Any) -> Usage | None:
    """Anthropic's messages: `input_tokens` is what was neither read from nor put in a cache."""
    if not has(usage, "input_tokens", "output_tokens"):
        return None
    short, long = _writes(None, usage)
    read = first(usage, "cache_read_input_tokens")
    tools = get(usage, "server_tool_use")
    made = Usage(
        input_tokens=first(usage, "input_tokens") + read + short + long,
        output_tokens=first(usage, "output_tokens"),
        cache_read_tokens=read,
        cache_write_5m_tokens=short,
        cache_write_1h_tokens=long,
        reasoning_tokens=first(get(usage, "output_tokens_details"), "thinking_tokens"),
        extra=_units(
            web_search=first(tools, "web_search_requests"),
            code_execution=first(tools, "code_execution_requests"),
        ),
    )
    steps = listed(get(usage, "iterations"))
    return _with_steps(made, steps) if steps else made


def served_by(usage: Any) -> Any:
    """The model that answered where the one asked had declined: Anthropic's counts are its."""
    steps = listed(get(usage, "iterations"))
    return next((get(s, "model") for s in steps if get(s, "type") == "fallback_message"), None)


def _with_steps(usage: Usage, steps: list[Any]) -> Usage:
    """With what the totals leave out: compactions, and who has a price of his own.

    That is an advisor, and a model that had begun to answer when it declined.
    """
    fell = any(get(s, "type") == "fallback_message" for s in steps)
    declined = sum(get(s, "type") == "message" and first(s, "output_tokens") > 0 for s in steps)
    compacted = [made for s in steps if get(s, "type") == "compaction" and (made := anthropic(s))]
    advised = sum(get(s, "type") == "advisor_message" for s in steps)
    totals = {name: sum(getattr(u, name) for u in (usage, *compacted)) for name in TOKEN_FIELDS}
    beside = _units(advisor_message=advised, declined_message=declined if fell else 0)
    return Usage(**totals, extra={**usage.extra, **beside})


@reader
def gemini(usage: Any) -> Usage | None:
    """Gemini's `usage_metadata`, either spelling: output is candidates and thoughts."""

    def number(name: str) -> int:
        head, *rest = name.split("_")
        return first(usage, name, head + "".join(part.title() for part in rest))

    if not has(usage, "prompt_token_count", "promptTokenCount", "total_token_count"):
        return None
    thoughts = number("thoughts_token_count")
    return Usage(
        input_tokens=number("prompt_token_count") + number("tool_use_prompt_token_count"),
        output_tokens=number("candidates_token_count") + thoughts,
        cache_read_tokens=number("cached_content_token_count"),
        reasoning_tokens=thoughts,
    )


@reader
def bedrock(usage: Any) -> Usage | None:
    """Bedrock's Converse: `inputTokens` leaves out what was read from or put in a cache."""
    if not has(usage, "inputTokens", "outputTokens"):
        return None
    read = first(usage, "cacheReadInputTokens", "cacheReadInputTokenCount")
    written = first(usage, "cacheWriteInputTokens", "cacheWriteInputTokenCount")
    details = get(usage, "cacheDetails") or ()
    long = sum(first(d, "inputTokens") for d in details if get(d, "ttl") == "1h")
    return Usage(
        input_tokens=first(usage, "inputTokens") + read + written,
        output_tokens=first(usage, "outputTokens"),
        cache_read_tokens=read,
        cache_write_5m_tokens=written - long,
        cache_write_1h_tokens=long,
    )


@reader
def langchain(usage: Any) -> Usage | None:
    """LangChain's `usage_metadata`: `input_tokens` is the total with every provider.

    With a TTL split Anthropic's `cache_creation` is 0 and the counts stand in
    `ephemeral_5m/1h_input_tokens`; in streams it is the other way round. On OpenAI's flex and
    priority tiers the keys carry the tier as a prefix.
    """
    if "input_tokens" not in usage:
        return None
    sent = usage.get("input_token_details") or _NOTHING
    made = usage.get("output_token_details") or _NOTHING
    if "flex" in sent or "priority" in sent:
        sent, made = _unprefixed(sent), _unprefixed(made)
    total, out = usage["input_tokens"] or 0, usage.get("output_tokens") or 0
    thought = made.get("reasoning") or 0
    if thought and usage.get("total_tokens") == total + out + thought:
        out += thought  # langchain-google-vertexai leaves thoughts out of its output
    short = sent.get("ephemeral_5m_input_tokens") or 0
    return Usage(
        total,
        out,
        sent.get("cache_read") or 0,
        short + (sent.get("cache_creation") or 0),
        sent.get("ephemeral_1h_input_tokens") or 0,
        thought,
        _heard(sent, made) if "audio" in sent or "audio" in made else _NOTHING,
    )


def _heard(sent: Any, made: Any) -> dict[str, int]:
    heard, spoken = count(sent.get("audio")), count(made.get("audio"))
    return _units(audio_input_tokens=heard, audio_output_tokens=spoken)


def _unprefixed(details: Any) -> Mapping[str, Any]:
    return {
        name.removeprefix("flex_").removeprefix("priority_"): number
        for name, number in details.items()
    }


def tier_of(details: Any) -> str | None:
    """The service tier that the key names of LangChain's `input_token_details` give away."""
    return "flex" if "flex" in details else "priority" if "priority" in details else None


@reader
def any_shape(usage: Any) -> Usage | None:
    """Raw usage of an unknown producer, told by its keys; None when they are ambiguous."""
    if has(usage, "prompt_tokens", "completion_tokens", "input_tokens_details"):
        return openai(usage)
    if has(usage, "promptTokenCount", "prompt_token_count"):
        return gemini(usage)
    if has(usage, "inputTokens", "outputTokens"):
        return bedrock(usage)
    if has(usage, "input_token_details", "output_token_details"):
        return langchain(usage)
    if has(usage, "cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation"):
        return anthropic(usage)
    return openai(usage)
