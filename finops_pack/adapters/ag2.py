"""ag2: who and what for; the calls themselves are counted in the SDKs below.

An `ask` is a task, unless it is part of one; the agent's name is the agent.
"""

from __future__ import annotations

from typing import Any

from finops_pack.adapters import _above, _patch

MODULES = ("ag2.agent",)
TESTED = {"ag2": ("1.2", "1.3")}
CANNOT_SEE = ("calls of models that use neither the OpenAI nor the Anthropic SDK",)


def install() -> None:
    """Wrap `Agent.ask`; idempotent."""
    from ag2.agent import Agent

    _patch.replace(Agent, "ask", _asking)


def _asking(original: Any) -> Any:
    async def ask(self: Any, *args: Any, **options: Any) -> Any:
        with _above.Work(agent=getattr(self, "name", None)):
            return await original(self, *args, **options)

    return ask
