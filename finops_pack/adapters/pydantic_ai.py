"""Pydantic AI: who and what for; the calls themselves are counted in the SDKs below.

A run of an agent is a task, unless it is part of one; the agent's name is the agent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from finops_pack.adapters import _above, _patch

MODULES = ("pydantic_ai.agent",)
TESTED = {"pydantic-ai-slim": ("2.0", "2.70")}
CANNOT_SEE = ("calls of models that use neither the OpenAI nor the Anthropic SDK",)


def install() -> None:
    """Wrap what every run goes through (`Agent.iter`); idempotent."""
    from pydantic_ai.agent import Agent

    _patch.replace(Agent, "iter", _iterating)


def _iterating(original: Any) -> Any:
    @asynccontextmanager
    async def iter(self: Any, *args: Any, **options: Any) -> AsyncIterator[Any]:
        with _above.Work(agent=self.name or None):
            async with original(self, *args, **options) as run:
                yield run

    return iter
