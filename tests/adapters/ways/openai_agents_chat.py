"""OpenAI Agents SDK over chat completions."""

from __future__ import annotations

from finops_pack.testing import Wire
from tests.adapters.ways._judge import GPT
from tests.adapters.ways._shared import Way
from tests.adapters.ways.openai_agents import ways_of

NAME, NEEDS, ADAPTER, EXACT = "OpenAI Agents, chat", "agents", "openai", GPT


def ways(wire: Wire) -> dict[str, Way]:
    """The same with its other model."""
    from agents import OpenAIChatCompletionsModel

    return ways_of(wire, OpenAIChatCompletionsModel)
