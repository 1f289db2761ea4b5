"""The budget tools as CrewAI tools: `Agent(…, tools=budget_tools())`."""

from __future__ import annotations

from typing import Any

from finops_pack.tools import FUNCTIONS


def budget_tools() -> list[Any]:
    """`check_budget`, `get_spend` and `find_waste` as CrewAI tools; never answered from a cache."""
    from crewai.tools import tool

    made = [tool(function.__name__)(function) for function in FUNCTIONS]
    for one in made:
        one.cache_function = lambda *_: False  # what is left changes with every call
    return made
