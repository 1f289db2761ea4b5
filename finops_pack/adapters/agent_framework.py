"""Microsoft Agent Framework: who and what for; calls are counted in the SDKs below.

A run of an agent or workflow is a task, unless it is part of one; the agent's name is the agent.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from finops_pack.adapters import _above, _patch
from finops_pack.recorder import guard

MODULES = ("agent_framework",)
TESTED = {"agent-framework-core": ("1.20", "1.30")}
CANNOT_SEE = ("calls of chat clients that use neither the OpenAI nor the Anthropic SDK",)


def install() -> None:
    """Wrap `Agent.run` and `Workflow.run`; idempotent."""
    from agent_framework import Agent, Workflow

    _patch.replace(Agent, "run", lambda original: _running(original, lambda agent: agent.name))
    _patch.replace(Workflow, "run", lambda original: _running(original, lambda workflow: None))


def _running(original: Any, name: Callable[[Any], str | None]) -> Any:
    def run(self: Any, *args: Any, **options: Any) -> Any:
        work = _above.Work(agent=name(self))
        with work.step():
            result = original(self, *args, **options)
        if inspect.iscoroutine(result):
            return _inside(work, result)
        _watch(work, result)
        return result

    return run


async def _inside(work: _above.Work, result: Any) -> Any:
    with work:
        return await result


@guard
def _watch(work: _above.Work, stream: Any) -> None:
    """Each piece is fetched inside the run; what the user does between them is not part of it."""
    if hasattr(stream, "with_pull_context_manager"):
        stream.with_pull_context_manager(work.step)
