"""AutoGen's teams: a run of a team is a task, unless the user named one."""

from __future__ import annotations

import functools
from typing import Any

from finops_pack import context
from finops_pack.adapters import _above

MODULES = ("autogen_agentchat.teams",)
TESTED = {"autogen-agentchat": ("0.7", "0.8")}
CANNOT_SEE = ()


def install() -> None:
    """Wrap what every team runs through; idempotent."""
    from autogen_agentchat.teams import BaseGroupChat

    team: Any = BaseGroupChat
    if getattr(team.run_stream, "finops", False):
        return
    original = team.run_stream

    @functools.wraps(original)
    async def run_stream(self: Any, *args: Any, **options: Any) -> Any:
        task = context.current().task or context.new_id()
        stream = original(self, *args, **options)
        async for item in _above.steps(stream, lambda: _above.derived(task=task)):
            yield item

    run_stream.finops = True  # type: ignore[attr-defined]
    team.run_stream = run_stream
