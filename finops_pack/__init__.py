"""Know, explain and cap what your LLM agents spend.

Everything here is imported when it is first used: `import finops_pack` costs a few milliseconds.
"""

from __future__ import annotations

__version__ = "1.0.0"

TYPE_CHECKING = False  # as `typing` has it; importing that would double what we cost
if TYPE_CHECKING:
    from typing import Any

    from finops_pack.auto import Tracker, track
    from finops_pack.context import action, tags, task
    from finops_pack.errors import BudgetExceeded, BudgetStop, FinOpsError
    from finops_pack.model import Cost, Usage
    from finops_pack.query import budget, find_waste, spend
    from finops_pack.query.finding import (
        find_cache,
        find_forensics,
        find_levers,
        find_score,
        find_trend,
    )
    from finops_pack.rates import price
    from finops_pack.recorder import context_source, flush, record, serverless

_HOME = {
    "BudgetExceeded": "errors",
    "BudgetStop": "errors",
    "Cost": "model",
    "FinOpsError": "errors",
    "Tracker": "auto",
    "Usage": "model",
    "action": "context",
    "budget": "query",
    "context_source": "recorder",
    "find_cache": "query.finding",
    "find_forensics": "query.finding",
    "find_levers": "query.finding",
    "find_score": "query.finding",
    "find_trend": "query.finding",
    "find_waste": "query",
    "flush": "recorder",
    "price": "rates",
    "record": "recorder",
    "serverless": "recorder",
    "spend": "query",
    "tags": "context",
    "task": "context",
    "track": "auto",
}

__all__ = [
    "BudgetExceeded",
    "BudgetStop",
    "Cost",
    "FinOpsError",
    "Tracker",
    "Usage",
    "action",
    "budget",
    "context_source",
    "find_cache",
    "find_forensics",
    "find_levers",
    "find_score",
    "find_trend",
    "find_waste",
    "flush",
    "price",
    "record",
    "serverless",
    "spend",
    "tags",
    "task",
    "track",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'finops_pack' has no attribute {name!r}")
    from finops_pack import forks

    with forks.barred():
        from importlib import import_module

        if _HOME[name].partition(".")[0] in ("context", "query"):
            import_module("finops_pack.recorder")  # where a task's lines go; half of a question
        value = globals()[name] = getattr(import_module(f"finops_pack.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
