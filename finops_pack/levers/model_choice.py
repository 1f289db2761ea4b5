"""Model: the same tokens on a cheaper model of the same table. Hypothetical, and says so.

Only offered where the action is plausible for a smaller model: at least 20 calls, short
answers, and hardly any that a verifier rejected.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from statistics import median

from finops_pack.levers._lever import Lever, Work
from finops_pack.model import Call

MINIMUM_CALLS = 20
SHORT_ANSWER_TOKENS = 500
REJECTED_LIMIT = 0.05
SAMPLE = 200  # calls that the alternatives are compared on; the one chosen is priced on all


def find(work: Work) -> Iterable[Lever]:
    """One lever a (model, action) with a cheaper model that prices every one of its calls."""
    groups: dict[tuple[str, str | None, str], list[Call]] = defaultdict(list)
    for call in work.calls:
        groups[(call.served_model or call.model, call.provider, call.action or "")].append(call)
    for (model, _, action), calls in groups.items():
        if _plausible(calls):
            yield from _offer(work, model, action, calls)


def _plausible(calls: Sequence[Call]) -> bool:
    if len(calls) < MINIMUM_CALLS:
        return False
    rejected = sum(1 for call in calls if call.verifier)
    short = median(call.output_tokens for call in calls) <= SHORT_ANSWER_TOKENS
    return short and rejected / len(calls) <= REJECTED_LIMIT


def _offer(work: Work, model: str, action: str, calls: Sequence[Call]) -> list[Lever]:
    best = _cheapest(work, model, calls)
    cost = _cost_on(work, best, calls) if best else None
    if best is None or cost is None:
        return []
    where = f"“{action}”" if action else "these calls"
    return work.lever(
        "model",
        "Try a cheaper model",
        sum((call.amount_usd for call in calls), Decimal(0)) - cost,
        calls,
        f"{where} ({len(calls)} calls, short answers) on {best} instead of {model}; "
        "check the quality first",
        low=Decimal(0),
        basis="estimated",
        effort="config",
        assumption="hypothetical: the same tokens on the other model, quality not measured",
        subject=f"{model}>{best}:{action}",
        scope={"action": action},
    )


def _cheapest(work: Work, model: str, calls: Sequence[Call]) -> str | None:
    """The alternative that is cheapest for some of these calls, spread over all of them."""
    some = calls[:: max(1, len(calls) // SAMPLE)]
    others = work.facts.alternatives(model, calls[0].provider)
    priced = [(cost, other) for other in others if (cost := _cost_on(work, other, some))]
    return min(priced)[1] if priced else None


def _cost_on(work: Work, model: str, calls: Sequence[Call]) -> Decimal | None:
    """USD of all calls on another model; None when one of them has no full price there."""
    total = Decimal(0)
    for call in calls:
        cost = work.facts.price(model, call.usage, provider=call.provider, at=call.started_at)
        if cost.usd is None or cost.state == "partial":
            return None
        total += cost.usd
    return total
