"""The budget tools as LangChain tools: `create_agent(model, tools=budget_tools())`."""

from __future__ import annotations

from typing import Any

from finops_pack.tools import FUNCTIONS


def budget_tools() -> list[Any]:
    """`check_budget`, `get_spend` and `find_waste` as `StructuredTool`s."""
    from langchain_core.tools import StructuredTool

    return [StructuredTool.from_function(function) for function in FUNCTIONS]
