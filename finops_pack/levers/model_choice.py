"""Model: the same tokens on a cheaper model of the same table. Hypothetical, and says so.

Only offered where the action is plausible for a smaller model: at least 20 calls, short
answers, and hardly any that a verifier rejected; all that is counted exactly. What the other
model would cost is known of a sample, where there are more calls than a sample has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from finops_pack.levers._found import Group, place_of
from finops_pack.levers._lever import Lever, Work
from finops_pack.levers._sample import Brief, Sample
from finops_pack.levers._search import LeverSearch
from finops_pack.model import Call

MINIMUM_CALLS = 20
SHORT_ANSWER_TOKENS = 500
REJECTED_LIMIT = 0.05
COMPARED = 200  # calls that the alternatives are compared on; the one chosen is priced on more

_Key = tuple[str, str | None, str]
"""Model, provider and action."""


class _Answers:
    """Whether the median answer is short, and hardly any was rejected: no list is needed."""

    __slots__ = ("_long_least", "_rejected", "_short", "_short_most", "count")

    def __init__(self) -> None:
        self.count = self._rejected = self._short = self._short_most = 0
        self._long_least: int | None = None

    def see(self, call: Call) -> None:
        self.count += 1
        self._rejected += bool(call.verifier)
        tokens = call.output_tokens
        if tokens <= SHORT_ANSWER_TOKENS:
            self._short += 1
            self._short_most = max(self._short_most, tokens)
        elif self._long_least is None or tokens < self._long_least:
            self._long_least = tokens

    @property
    def plausible(self) -> bool:
        """Whether a smaller model may do."""
        if self.count < MINIMUM_CALLS or self._rejected / self.count > REJECTED_LIMIT:
            return False
        if self._short * 2 == self.count:  # the median lies between the two halves
            return self._short_most + (self._long_least or 0) <= 2 * SHORT_ANSWER_TOKENS
        return self._short * 2 > self.count


class _Kind(Group):
    """The calls of one kind."""

    __slots__ = ("answers", "sample")

    def __init__(self, first: Call) -> None:
        super().__init__(place_of(first))
        self.answers, self.sample = _Answers(), Sample()

    def see(self, call: Call) -> None:
        self.note(call)
        self.answers.see(call)
        self.sample.add(call)


class Search(LeverSearch):
    """One lever a (model, action) with a cheaper model that prices every one of its calls."""

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._kinds: dict[_Key, _Kind] = {}

    def see(self, call: Call) -> None:
        """Count a call where it belongs."""
        key = (call.answered_by, call.provider, call.action or "")
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = _Kind(call)
        kind.see(call)

    def levers(self) -> Iterable[Lever]:
        """By kind of call."""
        for (model, provider, action), kind in self._kinds.items():
            if kind.answers.plausible:
                yield from self._offer(model, provider, action, kind)

    def _offer(self, model: str, provider: str | None, action: str, kind: _Kind) -> list[Lever]:
        kept = kind.sample.kept()
        best = self._cheapest(self.work.facts.alternatives(model, provider), kept)
        saving = self._saving(best, kept) if best else None
        if best is None or saving is None:
            return []
        where = f"“{action}”" if action else "these calls"
        return self.work.lever(
            "model",
            "Try a cheaper model",
            kind.sample.of_all(saving),
            kind.ids,
            f"{where} ({kind.count} calls, short answers) on {best} instead of {model}; "
            "check the quality first",
            low=Decimal(0),
            effort="config",
            assumption="hypothetical: the same tokens on the other model, quality not measured",
            subject=f"{model}>{best}:{action}",
            scope={"action": action},
        )

    def _cheapest(self, others: Iterable[str], calls: Sequence[Brief]) -> str | None:
        """The alternative that is cheapest for some of these calls, spread over all of them."""
        some = calls[:: max(1, len(calls) // COMPARED)]
        priced = [(cost, other) for other in others if (cost := self._cost(other, some))]
        return min(priced)[1] if priced else None

    def _saving(self, best: str, calls: Sequence[Brief]) -> Decimal | None:
        cost = self._cost(best, calls)
        return None if cost is None else sum((call.usd for call in calls), Decimal(0)) - cost

    def _cost(self, model: str, calls: Sequence[Brief]) -> Decimal | None:
        """USD of these calls on another model; None when one of them has no full price there."""
        total = Decimal(0)
        for call in calls:
            usd = call.cost(self.work.facts, model, call.context)
            if usd is None:
                return None
            total += usd
        return total
