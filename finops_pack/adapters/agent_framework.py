"""Microsoft Agent Framework: who and what for; calls are counted in the SDKs below.

A run of an agent is a task, unless it is part of one; the agent's name is the agent.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any

from finops_pack.adapters import _above
from finops_pack.recorder import guard

MODULES = ("agent_framework",)
TESTED = {"agent-framework-core": ("1.20", "1.30")}
CANNOT_SEE = ("calls of chat clients that use neither the OpenAI nor the Anthropic SDK",)


def install() -> None:
    """Wrap `Agent.run`; idempotent."""
    from agent_framework import Agent

    cls: Any = Agent
    if getattr(cls.run, "finops", False):
        return
    original = cls.run

    @functools.wraps(original)
    def run(self: Any, *args: Any, **options: Any) -> Any:
        work = _above.Work(agent=getattr(self, "name", None))
        with work.step():
            result = original(self, *args, **options)
        if inspect.iscoroutine(result):
            return _inside(work, result)
        _watch(work, result)
        return result

    run.finops = True  # type: ignore[attr-defined]
    cls.run = run


async def _inside(work: _above.Work, result: Any) -> Any:
    with work:
        return await result


@guard
def _watch(work: _above.Work, stream: Any) -> None:
    """Each piece is fetched inside the run; what the user does between them is not part of it."""
    if hasattr(stream, "with_pull_context_manager"):
        stream.with_pull_context_manager(work.step)
