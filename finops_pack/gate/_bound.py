"""The most a call may cost, said before it is made.

Input: the bytes of the prompt at the most tokens a byte that this model has shown so far, and
what it counted beyond them (images, hidden prompts), as the dearest that it may be billed as:
read anew, or put into a cache. Output: `max_tokens` where the call says it (0 for embeddings),
else the longest answer seen, with a margin, for each answer. The tier and the region that were
asked for, or that such a request was served at, count; searches as many as are allowed, else seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finops_pack import rates
from finops_pack.gate._weight import WRITES, Weight
from finops_pack.model import Usage

TOKENS_A_BYTE = 0.4  # more than English, Chinese, German or code need; calibrated after a call
TOKENS_A_MESSAGE = 8
LONG_PROMPT = 2000  # bytes, from which tokens a byte can be told from the rest
OUTPUT_TOKENS = 500  # of a model that has not answered yet
MARGIN = 1.15
_HOUR = Usage(extra={"audio_seconds": 3600})  # the longest speech, where seconds are billed
SERVED = 8  # models that one name may stand for


class Bounds:
    """What calls of each model needed so far, and from it the bound of the next."""

    def __init__(self) -> None:
        self._ratio: dict[str, float] = {}
        self._hidden: dict[str, int] = {}
        self._output: dict[str, int] = {}
        self._served: dict[str, tuple[str, ...]] = {}
        self._tier: dict[tuple[str, str | None], str] = {}
        self._region: dict[str, str] = {}
        self._writes: dict[str, int] = {}
        self._searches: dict[str, int] = {}

    def pico(self, row: Mapping[str, Any], weight: Weight) -> int | None:
        """Pico-USD that a call may cost.

        None when no price is known for it. The models that were served count before the asked.
        """
        asked = row["model"]
        usages, contexts = self._usages(asked, weight), self._contexts(row, weight.tier)
        for models in (self._served.get(asked, ()), (asked,)):
            costs = [
                rates.price_pico(model, usage, row.get("provider"), row["start_us"], context)
                for model in models
                for usage in usages
                for context in contexts
            ]
            known = [cost[0] or 0 for cost in costs if cost[1] != "unpriced"]
            if known:
                return max(known)
        heard = rates.price_pico(asked, _HOUR, row.get("provider"), row["start_us"], contexts[0])
        return heard[0] if heard[1] == "priced" else None

    @staticmethod
    def standard(call: Any) -> int:
        """Pico-USD of a call without its tier and region, 0 where that has no price either."""
        row, usage = call.row, call.usage or Usage()
        cost = rates.price_pico(row["model"], usage, row.get("provider"), row["start_us"], None)
        return cost[0] or 0

    def _usages(self, model: str, weight: Weight) -> list[Usage]:
        """The usages that it may come to; which is the dearest, the prices know."""
        hidden = self._hidden.get(model, 0)
        sent = self._visible(model, weight.size) + TOKENS_A_MESSAGE * (1 + weight.messages) + hidden
        each = self._output.get(model, OUTPUT_TOKENS) if weight.longest is None else weight.longest
        made = each * weight.answers
        caches = WRITES[: max(weight.writes, self._writes.get(model, 0))]
        written = [{}, *({f"cache_write_{ttl}_tokens": sent} for ttl in caches)]
        units = self._units(model, weight, made)
        extras = [{}, units] if units else [{}]
        return [Usage(sent, made, extra=more, **put) for put in written for more in extras]

    def _units(self, model: str, weight: Weight, made: int) -> dict[str, int]:
        """What it may be billed beside plain tokens."""
        units = {"audio_output_tokens": made} if weight.spoken else {}
        if weight.searches is not None:
            units["web_search"] = weight.searches or self._searches.get(model, 1)
        return units

    def _contexts(self, row: Mapping[str, Any], tier: str | None) -> list[dict[str, str]]:
        context = {k: row[k] for k in ("processing", "service_tier", "region") if row.get(k)}
        if "region" not in context and row["model"] in self._region:
            context["region"] = self._region[row["model"]]
        asked = {**context, "service_tier": tier} if tier else context
        served = self._tier.get((row["model"], tier))
        return [asked, {**context, "service_tier": served}] if served else [asked]

    def _visible(self, model: str, size: int) -> int:
        return int(size * self._ratio.get(model, TOKENS_A_BYTE))

    def learn(self, row: Mapping[str, Any], weight: Weight) -> None:
        """Take what the finished call needed as the measure of the next."""
        asked = row["model"]
        if row.get("served_model"):
            self._learn_model(asked, row["served_model"])
        if row.get("service_tier"):
            self._tier[asked, weight.tier] = row["service_tier"]
        if row.get("region"):
            self._region[asked] = row["region"]
        counted = row.get("input_tokens", 0)
        if not counted or row.get("usage_basis", "measured") != "measured":
            return  # a failed call, or one whose counts are our own guess, teaches nothing
        self._learn_input(asked, counted, weight.size)
        answered = int(row.get("output_tokens", 0) * MARGIN) // weight.answers
        if answered:
            self._output[asked] = max(answered, self._output.get(asked, 0))
        self._learn_kinds(asked, row, weight)

    def _learn_model(self, asked: str, served: str) -> None:
        """A name may stand for several models: the dearest of those served last counts."""
        seen = self._served.get(asked, ())
        if served not in seen:
            self._served[asked] = (*seen, served)[-SERVED:]

    def _learn_input(self, asked: str, counted: int, size: int) -> None:
        """Shrink slowly, grow at once: too little lets money through, too much only waits."""
        if size >= LONG_PROMPT:
            seen = counted / size * MARGIN
            self._ratio[asked] = max(seen, 0.9 * self._ratio.get(asked, seen))
        hidden = counted - self._visible(asked, size)
        self._hidden[asked] = max(hidden, int(0.9 * self._hidden.get(asked, 0)))

    def _learn_kinds(self, asked: str, row: Mapping[str, Any], weight: Weight) -> None:
        """Caches that prompts are put into unasked, and searches of its own."""
        for kind, ttl in enumerate(WRITES, 1):
            if kind > weight.writes and row.get(f"cache_write_{ttl}_tokens"):
                self._writes[asked] = max(kind, self._writes.get(asked, 0))
        searched = (row.get("extra") or {}).get("web_search", 0)
        if searched > self._searches.get(asked, 1):
            self._searches[asked] = searched
