"""CrewAI's runs: a kickoff of a crew, a flow or an agent alone is a task, unless it is part of one.

Their methods are wrapped, since the bus is not told of a kickoff that is cancelled or stopped.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from finops_pack import recorder
from finops_pack.adapters import _above, _crewai_read, _patch
from finops_pack.errors import BudgetStop

_UNNAMED = (None, "crew", "Crew")


class Kickoff(_above.Work):
    """A crew, a flow or an agent at work, by the name of its project."""

    def __init__(self, *, agent: str | None = None, project: str | None = None) -> None:
        super().__init__(agent=agent)
        self.project = project or self.project


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
    _patch.replace(crewai.Task, "_execute_task_async", _in_a_thread)


def _in_a_thread(original: Any) -> Any:
    """CrewAI tells its crew of exceptions alone: of a hard stop it would wait for ever."""

    def _execute_task_async(self: Any, *args: Any) -> None:
        try:
            original(self, *args)
        except BudgetStop as stopped:
            args[-1].set_exception(stopped)

    return _execute_task_async


def _running(work: Callable[[Any], Kickoff], original: Any) -> Any:
    def kickoff(self: Any, *args: Any, **options: Any) -> Any:
        with work(self):
            return original(self, *args, **options)

    async def kickoff_async(self: Any, *args: Any, **options: Any) -> Any:
        with work(self):
            return await original(self, *args, **options)

    return kickoff_async if inspect.iscoroutinefunction(original) else kickoff


def _of_crew(crew: Any) -> Kickoff:
    """Its name is the project, where it has one of its own and the user named none."""
    name, said = _crewai_read.text(crew.name), recorder.get().settings.project
    return Kickoff(project=None if said or name in _UNNAMED else name)


def _of_flow(flow: Any) -> Kickoff:
    return Kickoff()


def _of_agent(agent: Any) -> Kickoff:
    return Kickoff(agent=_crewai_read.text(agent.role))
