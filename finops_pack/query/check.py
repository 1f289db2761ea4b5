"""May I spend this? Yes; no; or yes on a cheaper model, as a batch, or after the reset."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from finops_pack import config
from finops_pack.errors import InputError
from finops_pack.figures import usd
from finops_pack.model import Usage
from finops_pack.money import plain, usd_of
from finops_pack.query.views import BudgetLine

BATCH = {"processing": "batch"}


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether the cost fits every hard budget. `advice` is the way that would, if one is known."""

    allowed: bool
    cost_usd: Decimal | None
    limit: BudgetLine | None
    advice: str | None = None
    reason: str | None = None

    @property
    def text(self) -> str:
        """At most three short lines for an agent's context."""
        cost = "unknown cost" if self.cost_usd is None else usd(self.cost_usd)
        verdict = "yes" if self.allowed else "no"
        left = "; no budget is set" if self.limit is None else _left(self.limit)
        words = [f"{verdict}: {cost}{left}"]
        words += [self.reason] if self.reason and self.cost_usd is None else []
        words += [self.advice] if self.advice else []
        return "\n".join(words)

    def to_dict(self) -> dict[str, Any]:
        """The body of `finops budget check --json`."""
        line = self.limit
        return {
            "allowed": self.allowed,
            "cost_usd": None if self.cost_usd is None else plain(self.cost_usd),
            "remaining_usd": plain(line.free_usd) if line else None,
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
    held = f", {usd(line.reserve_usd)} held back" if line.reserve_usd else ""
    left, limit = usd(line.free_usd), usd(line.limit_usd)
    return f"; {left} left of {limit} per {line.window} ({line.scope}{kind}{held})"


def asked_usd(told: str | float | None) -> Decimal:
    """An amount as models write it: `0.40`, `"0.40"`, `"$0.40"`; raises `InputError`."""
    try:
        return usd_of(str(told).strip().removeprefix("$"))
    except ValueError:
        message = f"cost_usd must be an amount in USD such as 0.40, not {told!r}"
        raise InputError(message) from None


def of_cost(cost: Decimal, lines: Sequence[BudgetLine], zone: tzinfo = UTC) -> Answer:
    """Whether this amount fits, whatever it is spent on."""
    return _of(cost, _covering(lines, None), zone)


def of_call(
    model: str,
    usage: Usage,
    provider: str | None,
    lines: Sequence[BudgetLine],
    zone: tzinfo = UTC,
) -> Answer:
    """Whether a call of this size fits, and the cheaper way when it does not."""
    from finops_pack import rates

    covering = _covering(lines, model)
    cost = rates.price(model, usage, provider=provider)
    if cost.usd is None:
        refusing = [line for line in covering if line.hard and line.unpriced == "refuse"]
        tight = _tightest(refusing or covering)
        mend = f"mend: finops rates alias {shlex.quote(f'{model}=KNOWN-MODEL')}"
        return Answer(not refusing, None, tight, mend, f"no price is known for {model}")
    answer = _of(cost.usd, covering, zone)
    if answer.allowed:
        return answer
    ways = [*_cheaper(model, usage, provider, lines), *_later(cost.usd, covering, zone)]
    return Answer(False, cost.usd, answer.limit, _yes(ways), answer.reason)


def _of(cost: Decimal, lines: Sequence[BudgetLine], zone: tzinfo) -> Answer:
    broken = _broken(cost, lines)
    if not broken:
        return Answer(True, cost, _tightest(lines))
    advice = _yes(_later(cost, lines, zone))
    return Answer(False, cost, _tightest(broken), advice, "that would exceed the budget")


def _yes(ways: Sequence[str]) -> str | None:
    return f"yes {', or '.join(ways)}" if ways else None


def _covering(lines: Sequence[BudgetLine], model: str | None) -> list[BudgetLine]:
    """The budgets that may concern this call; flat plans have budgets of their own."""
    told = {"model": model, "project": config.load().project}

    def concerns(line: BudgetLine) -> bool:
        kind, value = line.named or ("", "")
        return kind != "billing" and told.get(kind) in (None, value)

    return [line for line in lines if concerns(line)]


def _tightest(lines: Sequence[BudgetLine]) -> BudgetLine | None:
    return min(lines, key=lambda line: line.free_usd, default=None)


def _broken(cost: Decimal, lines: Sequence[BudgetLine]) -> list[BudgetLine]:
    return [line for line in lines if line.hard and cost > line.free_usd]


def _later(cost: Decimal, lines: Sequence[BudgetLine], zone: tzinfo) -> list[str]:
    """When all that it breaks have begun anew; never, where it is more than a whole budget."""
    broken = _broken(cost, lines)
    resets = [line.resets_at for line in broken if cost <= line.limit_usd - line.reserve_usd]
    known = [datetime.fromisoformat(at).astimezone(zone) for at in resets if at is not None]
    if len(known) < len(broken) or not known:
        return []
    soon = max(known) < datetime.now(UTC) + timedelta(hours=24)
    return [f"after {max(known):{'%H:%M' if soon else '%Y-%m-%d %H:%M'}}, when it resets"]


def _cheaper(
    model: str, usage: Usage, provider: str | None, lines: Sequence[BudgetLine]
) -> list[str]:
    """The dearest alternative that fits, and the same model as a batch."""
    from finops_pack import rates

    def fits(name: str, cost: Decimal | None) -> bool:
        return cost is not None and not _broken(cost, _covering(lines, name))

    priced = [(rates.price(other, usage, provider=provider).usd, other)
              for other in rates.alternatives(model, provider)]  # fmt: skip
    fitting = [(cost, other) for cost, other in priced if cost is not None and fits(other, cost)]
    ways = [f"on {other} for {usd(cost)}" for cost, other in sorted(fitting)[-1:]]
    batch = rates.price(model, usage, provider=provider, context=BATCH).usd
    if batch is not None and fits(model, batch):
        ways.append(f"as a batch for {usd(batch)}")
    return ways
