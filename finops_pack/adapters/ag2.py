"""ag2: who and what for; the calls themselves are counted in the SDKs below.

A turn is a task, unless it is part of one; the agent's name is the agent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from finops_pack.adapters import _above, _patch

MODULES = ("ag2.agent",)
TESTED = {"ag2": ("1.2", "1.3")}
CANNOT_SEE = ("calls of models that use neither the OpenAI nor the Anthropic SDK",)


def install() -> None:
    """Wrap the turn that `ask`, `run`, `resume` and a reply's own are; idempotent."""
    from ag2.agent import Agent

    _patch.replace(Agent, "_turn_scope", _turning)


def _turning(original: Any) -> Any:
    @asynccontextmanager
    async def _turn_scope(self: Any, *args: Any, **options: Any) -> AsyncIterator[Any]:
        async with original(self, *args, **options) as drive:

            async def driven() -> Any:
                with _above.Work(agent=getattr(self, "name", None)):
                    return await drive()

            yield driven

    return _turn_scope
