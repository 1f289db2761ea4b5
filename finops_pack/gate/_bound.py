"""The most a call may cost, said before it is made.

Input: the characters of the prompt at the most tokens a character that this model has shown so
far, and what it counted beyond them (images, hidden prompts). Output: `max_tokens` where the
call says it, else the longest answer seen, with a margin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from finops_pack import rates
from finops_pack.model import Usage

TOKENS_A_CHARACTER = 0.4  # more than English, code or German need; calibrated after a call
TOKENS_A_MESSAGE = 8
LONG_PROMPT = 2000  # characters, from which tokens a character can be told from the rest
OUTPUT_TOKENS = 500  # of a model that has not answered yet
MARGIN = 1.15
_DEPTH = 12


class Bounds:
    """What calls of each model needed so far, and from it the bound of the next."""

    def __init__(self) -> None:
        self._ratio: dict[str, float] = {}
        self._hidden: dict[str, int] = {}
        self._output: dict[str, int] = {}
        self._served: dict[str, str] = {}

    def pico(self, row: Mapping[str, Any], messages: Any, tools: Any, cap: int | None)\
            -> int | None:  # fmt: skip
        """Pico-USD that this call may cost; None when no price is known for it."""
        asked = row["model"]
        size = characters(messages) + characters(tools)
        usage = Usage(
            input_tokens=self._visible(asked, size)
            + TOKENS_A_MESSAGE * (1 + _count(messages))
            + self._hidden.get(asked, 0),
            output_tokens=cap or self._output.get(asked, OUTPUT_TOKENS),
        )
        context = {k: row[k] for k in ("processing", "service_tier", "region") if row.get(k)}
        for model in dict.fromkeys((self._served.get(asked, asked), asked)):
            cost = rates.price_pico(model, usage, row.get("provider"), row["start_us"], context)
            if cost[1] != "unpriced":
                return cost[0] or 0
        return None

    def _visible(self, model: str, size: int) -> int:
        return int(size * self._ratio.get(model, TOKENS_A_CHARACTER))

    def learn(self, row: Mapping[str, Any], size: int) -> None:
        """Take what the finished call needed as the measure of the next."""
        asked = row["model"]
        if row.get("served_model"):
            self._served[asked] = row["served_model"]
        counted = row.get("input_tokens", 0)
        # Shrink slowly, grow at once: too little lets money through, too much only waits.
        if size >= LONG_PROMPT and counted:
            seen = counted / size * MARGIN
            self._ratio[asked] = max(seen, 0.9 * self._ratio.get(asked, seen))
        hidden = counted - self._visible(asked, size)
        self._hidden[asked] = max(hidden, int(0.9 * self._hidden.get(asked, 0)))
        answered = int(row.get("output_tokens", 0) * MARGIN)
        if answered:
            self._output[asked] = max(answered, self._output.get(asked, 0))


def characters(thing: Any, depth: int = 0) -> int:
    """The length of all text in a message, a prompt or a tool's schema, whatever its shape."""
    if isinstance(thing, str):
        return len(thing)
    if thing is None or depth > _DEPTH or isinstance(thing, int | float | bytes):
        return 0
    if isinstance(thing, Mapping):
        inner = (characters(v, depth + 1) + characters(k) for k, v in thing.items())
        return sum(inner)
    if isinstance(thing, Sequence):
        return sum(characters(item, depth + 1) for item in thing)
    content = getattr(thing, "content", None)
    return len(str(thing)) if content is None else characters(content, depth + 1)


def _count(messages: Any) -> int:
    return len(messages) if isinstance(messages, list | tuple) else 1
