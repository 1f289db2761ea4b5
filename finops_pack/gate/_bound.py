"""The most a call may cost, said before it is made.

Input: the bytes of the prompt at the most tokens a byte that this model has shown so far, and
what it counted beyond them (images, hidden prompts). Output: `max_tokens` where the call says
it (0 for embeddings), else the longest answer seen, with a margin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from finops_pack import rates
from finops_pack.model import Usage

TOKENS_A_BYTE = 0.4  # more than English, Chinese, German or code need; calibrated after a call
TOKENS_A_MESSAGE = 8
LONG_PROMPT = 2000  # bytes, from which tokens a byte can be told from the rest
OUTPUT_TOKENS = 500  # of a model that has not answered yet
MEDIA_BYTES = 4000  # what an image counts as: 1600 tokens, the most a usual one is billed as
NUMBER_BYTES = 3  # a prompt for embeddings may be a list of tokens
MARGIN = 1.15
_DEPTH = 12


class Bounds:
    """What calls of each model needed so far, and from it the bound of the next."""

    def __init__(self) -> None:
        self._ratio: dict[str, float] = {}
        self._hidden: dict[str, int] = {}
        self._output: dict[str, int] = {}
        self._served: dict[str, str] = {}

    def pico(self, row: Mapping[str, Any], messages: int, size: int, cap: int | None) -> int | None:
        """Pico-USD that a call may cost whose text has `size` bytes in so many messages.

        None when no price is known for it. The model that was served counts before the asked.
        """
        asked = row["model"]
        usage = Usage(
            input_tokens=self._visible(asked, size)
            + TOKENS_A_MESSAGE * (1 + messages)
            + self._hidden.get(asked, 0),
            output_tokens=self._output.get(asked, OUTPUT_TOKENS) if cap is None else cap,
        )
        context = {k: row[k] for k in ("processing", "service_tier", "region") if row.get(k)}
        for model in dict.fromkeys((self._served.get(asked, asked), asked)):
            cost = rates.price_pico(model, usage, row.get("provider"), row["start_us"], context)
            if cost[1] != "unpriced":
                return cost[0] or 0
        return None

    def _visible(self, model: str, size: int) -> int:
        return int(size * self._ratio.get(model, TOKENS_A_BYTE))

    def learn(self, row: Mapping[str, Any], size: int) -> None:
        """Take what the finished call needed as the measure of the next."""
        asked = row["model"]
        if row.get("served_model"):
            self._served[asked] = row["served_model"]
        counted = row.get("input_tokens", 0)
        if not counted or row.get("usage_basis", "measured") != "measured":
            return  # a failed call, or one whose counts are our own guess, teaches nothing
        # Shrink slowly, grow at once: too little lets money through, too much only waits.
        if size >= LONG_PROMPT:
            seen = counted / size * MARGIN
            self._ratio[asked] = max(seen, 0.9 * self._ratio.get(asked, seen))
        hidden = counted - self._visible(asked, size)
        self._hidden[asked] = max(hidden, int(0.9 * self._hidden.get(asked, 0)))
        answered = int(row.get("output_tokens", 0) * MARGIN)
        if answered:
            self._output[asked] = max(answered, self._output.get(asked, 0))


def count(messages: Any) -> int:
    """How many messages there are."""
    return len(messages) if isinstance(messages, list | tuple) else 1


def text_bytes(thing: Any, depth: int = 0) -> int:
    """UTF-8 bytes of all text in a message, a prompt or a tool's schema, whatever its shape.

    No tokenizer makes more tokens than bytes. Media inside count as `MEDIA_BYTES` each.
    """
    if isinstance(thing, str):
        return _bytes(thing)
    if thing is None or depth > _DEPTH:
        return 0
    if isinstance(thing, int | float):
        return NUMBER_BYTES
    if isinstance(thing, bytes | bytearray | memoryview):
        return MEDIA_BYTES
    if isinstance(thing, Mapping):
        if _is_media(thing):
            return MEDIA_BYTES
        return sum(text_bytes(v, depth + 1) + text_bytes(k, depth + 1) for k, v in thing.items())
    if isinstance(thing, Sequence):
        return sum(text_bytes(item, depth + 1) for item in thing)
    content = getattr(thing, "content", None)
    return _bytes(str(thing)) if content is None else text_bytes(content, depth + 1)


def _bytes(text: str) -> int:
    if text.isascii():
        return MEDIA_BYTES if text.startswith("data:") and ";base64," in text[:100] else len(text)
    return len(text.encode("utf-8", "surrogatepass"))


def _is_media(thing: Mapping[Any, Any]) -> bool:
    """Base64 as Anthropic, OpenAI's audio and Gemini write it, beside its kind."""
    return isinstance(thing.get("data"), str | bytes) and bool(
        {"media_type", "mime_type", "mimeType", "format"} & thing.keys()
    )
