"""May I spend this? Yes; no; or yes on a cheaper model, as a batch, or after the reset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from finops_pack.model import Usage
from finops_pack.money import plain
from finops_pack.query.text import ahead, usd
from finops_pack.query.views import BudgetLine

BATCH = {"processing": "batch"}


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether the cost fits every hard budget. `advice` is the cheaper way, if one is known."""

    allowed: bool
    cost_usd: Decimal | None
    limit: BudgetLine | None
    advice: str | None = None
    reason: str | None = None

    @property
    def text(self) -> str:
        """At most five short lines for an agent's context."""
        cost = "unknown cost" if self.cost_usd is None else usd(self.cost_usd)
        if self.allowed and self.limit is None:
            return f"yes: {cost}; no budget is set"
        line = self.limit
        left = "" if line is None else _left(line)
        verdict = "yes" if self.allowed else "no"
        words = [f"{verdict}: {cost}{left}"]
        words += [self.reason] if self.reason else []
        words += [f"instead: {self.advice}"] if self.advice else []
        return "\n".join(words)

    def to_dict(self) -> dict[str, Any]:
        """The body of `finops budget check --json`."""
        line = self.limit
        return {
            "allowed": self.allowed,
            "cost_usd": None if self.cost_usd is None else plain(self.cost_usd),
            "remaining_usd": plain(line.remaining_usd) if line else None,
            "limit_usd": plain(line.limit_usd) if line else None,
            "window": line.window if line else None,
            "scope": line.scope if line else None,
            "resets_at": line.resets_at if line else None,
            "runs_out_at": line.runs_out_at if line else None,
            "reason": self.reason,
            "advice": self.advice,
        }


def _left(line: BudgetLine) -> str:
    kind = "" if line.hard else ", soft"
    left, limit = usd(line.remaining_usd), usd(line.limit_usd)
    return f"; {left} left of {limit} per {line.window} ({line.scope}{kind})"


def of_cost(cost: Decimal, lines: Sequence[BudgetLine]) -> Answer:
    """Whether this amount fits."""
    tight = _tightest(lines)
    over = _broken(cost, lines)
    if over is None:
        return Answer(True, cost, tight)
    return Answer(False, cost, over, _later(over), "that would exceed the budget")


def of_call(
    model: str, tokens_in: int, tokens_out: int, provider: str | None, lines: Sequence[BudgetLine]
) -> Answer:
    """Whether a call of this size fits, and the cheaper way when it does not."""
    from finops_pack import rates

    usage = Usage(input_tokens=tokens_in, output_tokens=tokens_out)
    cost = rates.price(model, usage, provider=provider)
    if cost.usd is None:
        refused = any(line.hard and line.unpriced == "refuse" for line in lines)
        mend = f"finops rates alias {model}=KNOWN-MODEL"
        return Answer(not refused, None, _tightest(lines), mend, f"no price is known for {model}")
    answer = of_cost(cost.usd, lines)
    if answer.allowed or answer.limit is None:
        return answer
    ways = _cheaper(model, usage, provider, answer.limit.remaining_usd)
    ways += [answer.advice] if answer.advice else []
    return Answer(False, cost.usd, answer.limit, "; or ".join(ways) or None, answer.reason)


def _tightest(lines: Sequence[BudgetLine]) -> BudgetLine | None:
    return min(lines, key=lambda line: line.remaining_usd, default=None)


def _broken(cost: Decimal, lines: Sequence[BudgetLine]) -> BudgetLine | None:
    broken = [line for line in lines if line.hard and cost > line.remaining_usd]
    return _tightest(broken)


def _later(line: BudgetLine) -> str | None:
    return f"in {ahead(line.resets_at)}, when it resets" if line.resets_at else None


def _cheaper(model: str, usage: Usage, provider: str | None, left: Decimal) -> list[str]:
    """The dearest alternative that fits, and the same model as a batch."""
    from finops_pack import rates

    fits = []
    for other in rates.alternatives(model, provider):
        cost = rates.price(other, usage, provider=provider).usd
        if cost is not None and cost <= left:
            fits.append((cost, other))
    ways = [f"{other} for {usd(cost)}" for cost, other in sorted(fits)[-1:]]
    batch = rates.price(model, usage, provider=provider, context=BATCH).usd
    if batch is not None and batch <= left:
        ways.append(f"as a batch for {usd(batch)}")
    return ways
