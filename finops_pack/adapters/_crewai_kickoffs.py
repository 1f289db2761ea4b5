"""CrewAI's runs: a kickoff of a crew, a flow or an agent alone is a task, unless it is part of one.

Their methods are wrapped, since the bus is not told of a kickoff that is cancelled or stopped.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from finops_pack import context
from finops_pack.adapters import _above, _crewai_read, _patch

_UNNAMED = (None, "crew", "Crew")


def install() -> None:
    """Wrap what every kickoff runs through; idempotent."""
    import crewai

    for owner, work, names in (
        (crewai.Crew, _of_crew, ("kickoff", "akickoff", "replay")),
        (crewai.Flow, _of_flow, ("kickoff_async", "resume_async")),
        (crewai.Agent, _of_agent, ("kickoff", "kickoff_async")),
    ):
        for name in names:
            _patch.replace(owner, name, partial(_running, work))


def _running(work: Callable[[Any], _above.Work], original: Any) -> Any:
    def kickoff(self: Any, *args: Any, **options: Any) -> Any:
        with work(self):
            return original(self, *args, **options)

    async def kickoff_async(self: Any, *args: Any, **options: Any) -> Any:
        with work(self):
            return await original(self, *args, **options)

    return kickoff_async if inspect.iscoroutinefunction(original) else kickoff


def _of_crew(crew: Any) -> _above.Work:
    """Its name is the project, where it has one of its own."""
    name = _crewai_read.text(crew.name)
    return _above.Work(project=None if name in _UNNAMED else name)


def _of_flow(flow: Any) -> _above.Work:
    return _above.Work()


def _of_agent(agent: Any) -> _above.Work:
    return _above.Work(agent=_crewai_read.text(agent.role))


def project() -> str | None:
    """The name of the crew that we are in."""
    return getattr(context.around(), "project", None)
