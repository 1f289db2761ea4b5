"""Microsoft Agent Framework: who and what for; calls are counted in the SDKs below.

A run of an agent is a task, unless the user named one; the agent's name is the agent.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any

from finops_pack import context
from finops_pack.adapters import _above

MODULES = ("agent_framework",)
TESTED = {"agent-framework-core": ("1.20", "1.30")}
CANNOT_SEE = (
    "calls of chat clients that use neither the OpenAI nor the Anthropic SDK",
    "the agent's name in streams",
)


def install() -> None:
    """Wrap `Agent.run`; idempotent."""
    from agent_framework import Agent

    cls: Any = Agent
    if getattr(cls.run, "finops", False):
        return
    original = cls.run

    @functools.wraps(original)
    def run(self: Any, *args: Any, **options: Any) -> Any:
        task = context.current().task or context.new_id()
        scope = _above.derived(task=task, agent=getattr(self, "name", None))
        with scope:
            result = original(self, *args, **options)
        if not inspect.iscoroutine(result):
            return result

        async def inside() -> Any:
            with _above.derived(task=task, agent=getattr(self, "name", None)):
                return await result

        return inside()

    run.finops = True  # type: ignore[attr-defined]
    cls.run = run
