"""The budget tools as AutoGen tools: `AssistantAgent(…, tools=budget_tools())`."""

from __future__ import annotations

from typing import Any

from finops_pack.tools import FUNCTIONS


def budget_tools() -> list[Any]:
    """`check_budget`, `get_spend` and `find_waste` as `FunctionTool`s."""
    from autogen_core.tools import FunctionTool

    return [FunctionTool(f, description=f.__doc__ or "", name=f.__name__) for f in FUNCTIONS]
