"""AutoGen's teams: a run of a team is a task, unless it is part of one."""

from __future__ import annotations

import functools
from typing import Any

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
        work = _above.Work()
        try:
            async for item in _above.steps(original(self, *args, **options), work.step):
                yield item
        finally:
            work.open = False

    run_stream.finops = True  # type: ignore[attr-defined]
    team.run_stream = run_stream
