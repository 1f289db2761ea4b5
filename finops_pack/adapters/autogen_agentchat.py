"""AutoGen's teams: a run of a team is a task, unless it is part of one."""

from __future__ import annotations

from finops_pack.adapters import _above, _autogen_runs

MODULES = ("autogen_agentchat.teams",)
TESTED = {"autogen-agentchat": ("0.7", "0.8")}
CANNOT_SEE = ()
HELPS = "autogen"


def install() -> None:
    """Wrap what every team runs through; idempotent."""
    from autogen_agentchat.teams import BaseGroupChat

    _autogen_runs.wrap(BaseGroupChat, lambda team: _above.Work())
