"""The pack's answers as tools of a framework, so that an agent can ask for its own spend.

    from finops_pack.tools.langchain import budget_tools   # or .crewai, .autogen

The functions here are plain: any framework that takes functions can take them.
"""

from __future__ import annotations

from collections.abc import Callable

from finops_pack import query
from finops_pack.errors import InputError
from finops_pack.money import plain
from finops_pack.query.check import asked_usd
from finops_pack.query.text import budget_lines, estimated, outside
from finops_pack.query.views import amount

MAX_LINES = 5


def check_budget(cost_usd: str | float = "") -> str:
    """What is left of the LLM budget. With cost_usd (such as "0.40"), whether that may be spent:
    yes, a cheaper way, or no. Call it before expensive work."""
    try:
        with query.open(prompts=False) as reader:
            if cost_usd != "":
                return reader.check(asked_usd(cost_usd)).text
            return "\n".join(budget_lines(reader.budget())[:MAX_LINES])
    except InputError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - an agent is told, not broken
        return f"the budget could not be read: {error}"


def get_spend(by: str = "model", last: str = "1d") -> str:
    """What LLM calls have cost, by model, action, agent or task, over the last 1d, 7d or 12h."""
    try:
        spend = query.spend(by, last)
    except Exception as error:  # noqa: BLE001 - an agent is told, not broken
        return f"spend could not be read: {error}"
    if not spend.rows:
        return spend.nothing
    total, *shown = (
        f"{name}: {'unpriced' if amount(row) is None else f'${plain(round(row.usd, 6))}'}"
        for name, row in (("total", spend.total), *((r.key or "(none)", r) for r in spend.rows[:3]))
    )
    marks = ". ".join(filter(None, (outside(spend.total), estimated(spend.total))))
    return "\n".join([total, *shown, *([marks] if marks else [])])


def find_waste(last: str = "7d") -> str:
    """Where LLM money was wasted over the last 7d, in dollars by category, and the first mend."""
    try:
        with query.open() as reader:
            period = query.Period.of(last, zone=reader.zone)
            waste, nothing = reader.waste(period), reader.nothing(period)
            total = reader.spend("model", period).total
    except Exception as error:  # noqa: BLE001 - an agent is told, not broken
        return f"waste could not be read: {error}"
    found, unseen = waste.dearest()[:3], "; ".join(filter(None, (outside(total), waste.unjudged)))
    lines = [f"{n}: ${plain(round(c.usd, 6))} ({c.basis})" for n, c in found if c.usd]
    if not lines:
        return nothing or f"no waste found in the last {last}{f'; {unseen}' if unseen else ''}"
    return "\n".join(filter(None, [*lines, f"mend: {waste.findings[0].mend}", unseen]))


FUNCTIONS: tuple[Callable[..., str], ...] = (check_budget, get_spend, find_waste)
