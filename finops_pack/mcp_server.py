"""`finops mcp`: the read tools for clients without a shell, over stdio. Three, and compact.

Works with both lines of the SDK: `FastMCP` of mcp 1.30 and `MCPServer` of mcp 2.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from finops_pack import __version__
from finops_pack.errors import FinOpsError
from finops_pack.money import plain


@dataclass(frozen=True)
class Budget:
    """What is left; amounts are decimal strings in USD, null without a budget."""

    allowed: bool | None
    remaining_usd: str | None
    text: str


@dataclass(frozen=True)
class Row:
    """Spend of one group."""

    key: str | None
    calls: int
    cost_usd: str | None  # None: no price is known
    unpriced_calls: int


@dataclass(frozen=True)
class Spend:
    """Spend by group; `note` says why there is none, and what is not wholly in it."""

    total_usd: str | None
    unpriced_calls: int  # not in the total
    rows: list[Row]
    note: str | None


@dataclass(frozen=True)
class Category:
    """Avoidable spend of one category."""

    category: str
    usd: str
    basis: str


@dataclass(frozen=True)
class Waste:
    """Avoidable spend by category, and the dearest finding; `note` as for spend."""

    categories: list[Category]
    finding: str | None
    mend: str | None
    note: str | None


def get_budget(cost_usd: str | float | None = None) -> Budget:
    """LLM budget left; with cost_usd, may that be spent: yes, a cheaper way, or no."""
    from finops_pack import query
    from finops_pack.query.check import asked_usd
    from finops_pack.query.text import budget_lines

    with query.open(prompts=False) as reader:
        if cost_usd not in (None, ""):
            answer = reader.check(asked_usd(cost_usd))
            left = answer.limit.free_usd if answer.limit else None
            return Budget(
                allowed=answer.allowed,
                remaining_usd=None if left is None else plain(left),
                text=answer.text,
            )
        view = reader.budget()
        first = view.tightest
        return Budget(
            allowed=None,
            remaining_usd=plain(first.remaining_usd) if first else None,
            text="\n".join(budget_lines(view)),
        )


def get_spend(by: str = "model", last: str = "7d", limit: int = 10) -> Spend:
    """LLM spend by model, action, agent, task, project or day, over e.g. 1d, 7d, 12h."""
    from finops_pack import query
    from finops_pack.query.text import estimated, outside
    from finops_pack.query.views import amount

    spend = query.spend(by, last)
    shown = spend.rows[: max(0, limit)]
    rows = [
        Row(key=r.key, calls=r.calls, cost_usd=amount(r), unpriced_calls=r.unpriced_calls)
        for r in shown
    ]
    left = len(spend.rows) - len(shown)
    more = f"rows left out: {left}, ask with a larger limit" if left else ""
    return Spend(
        total_usd=amount(spend.total),
        unpriced_calls=spend.total.unpriced_calls,
        rows=rows,
        note=_note(spend.nothing, more, outside(spend.total), estimated(spend.total)),
    )


def find_waste(last: str = "7d") -> Waste:
    """Avoidable LLM spend by category, the dearest finding and its mend."""
    from finops_pack import query
    from finops_pack.query.text import outside

    with query.open() as reader:
        period = query.Period.of(last, zone=reader.zone)
        waste, nothing = reader.waste(period), reader.nothing(period)
        total = reader.spend("model", period).total
    found, first = waste.dearest(), next(iter(waste.findings), None)
    return Waste(
        categories=[Category(category=n, usd=plain(c.usd), basis=c.basis) for n, c in found],
        finding=first.title if first else None,
        mend=first.mend if first else None,
        note=_note(nothing, outside(total), waste.unjudged),
    )


def _note(*said: str) -> str | None:
    return ". ".join(filter(None, said)) or None


def set_budget(spec: str) -> str:
    """Set a budget such as "5 USD/day"; only when the user asked for it."""
    from finops_pack import admin

    return f"set {admin.set_budget(None, spec)}"


def _told(function: Callable[..., Any], error_class: type[Exception]) -> Callable[..., Any]:
    """Our errors as the protocol's: of any other the agent would hear only that there was one."""

    @functools.wraps(function)
    def tool(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except FinOpsError as error:
            raise error_class(f"{error}. {error.mend or ''}".rstrip()) from None

    return tool


READ = (get_budget, get_spend, find_waste)


def build(*, write: bool = False) -> Any:
    """The server; `write` adds the one tool that changes something."""
    try:
        from mcp.server.fastmcp import FastMCP
        from mcp.server.fastmcp.exceptions import ToolError

        server: Any = FastMCP("finops")
        server._mcp_server.version = __version__  # which it cannot be told
    except ImportError:
        from mcp.server import MCPServer  # type: ignore[attr-defined]
        from mcp.server.mcpserver.exceptions import ToolError  # type: ignore[no-redef, import-not-found]

        server = MCPServer("finops", version=__version__)
    from mcp.types import ToolAnnotations

    reading = ToolAnnotations(readOnlyHint=True, openWorldHint=False)
    for function in READ:
        tool = _told(function, ToolError)
        server.tool(name=f"finops_{function.__name__}", annotations=reading)(tool)
    if write:
        changing = ToolAnnotations(readOnlyHint=False, destructiveHint=False, openWorldHint=False)
        server.tool(name="finops_set_budget", annotations=changing)(_told(set_budget, ToolError))
    return server
