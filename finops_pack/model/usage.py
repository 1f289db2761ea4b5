"""Token counts of one call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from finops_pack.model.words import MAX_COUNT, TOKEN_FIELDS


@dataclass(slots=True)  # every call makes one, and frozen it would cost four times as much
class Usage:
    """Token counts of one call, a value that nobody changes; totals include their parts.

    `input_tokens` includes cache reads and both cache writes, `output_tokens` includes
    `reasoning_tokens`. `extra` counts what is billed in other units (`EXTRA_UNITS`).
    Never raises: what is wrong with the counts stands in `problems`.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    extra: Mapping[str, int] = field(default_factory=dict)

    @property
    def uncached_tokens(self) -> int:
        """Input tokens billed at the plain input price."""
        return (
            self.input_tokens
            - self.cache_read_tokens
            - self.cache_write_5m_tokens
            - self.cache_write_1h_tokens
        )

    @property
    def problems(self) -> tuple[str, ...]:
        """What makes these counts invalid, in words; empty when they are valid."""
        return tuple(_problems(self))


def said(value: object) -> str:
    """A number as it is, of anything else what it is: it may be the text of a prompt."""
    return repr(value) if isinstance(value, int | float) else f"a {type(value).__name__}"


def numbers(counts: Mapping[Any, Any]) -> dict[str, Any]:
    """What of it is a number, sound or not; what else stands there may be text."""
    return {str(name): n for name, n in counts.items() if isinstance(n, int | float)}


def _problems(usage: Usage) -> Iterator[str]:
    counts = {name: getattr(usage, name) for name in TOKEN_FIELDS}
    extra = usage.extra if isinstance(usage.extra, Mapping) else {}
    if extra is not usage.extra:
        yield f"extra: must map units to counts, got {said(usage.extra)}"
    for name, count in (*counts.items(), *extra.items()):
        if isinstance(count, bool) or not isinstance(count, int):
            yield f"{name}: must be a whole number, got {said(count)}"
        elif count < 0:
            yield f"{name}: must not be negative, got {count}"
        elif count > MAX_COUNT:
            yield f"{name}: {count} is more than any provider serves"
    for name in TOKEN_FIELDS:
        if (kind := name.removesuffix("_tokens")) in extra:
            yield f"extra[{kind!r}]: tokens are counted in {name}"
    if any(isinstance(c, bool) or not isinstance(c, int) for c in counts.values()):
        return
    parts = usage.cache_read_tokens + usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
    if parts > usage.input_tokens:
        yield f"cached parts ({parts}) exceed input_tokens ({usage.input_tokens})"
    if usage.reasoning_tokens > usage.output_tokens:
        yield (
            f"reasoning_tokens ({usage.reasoning_tokens}) exceed "
            f"output_tokens ({usage.output_tokens})"
        )
