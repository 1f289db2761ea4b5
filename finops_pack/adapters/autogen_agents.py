"""AutoGen's agents outside of a team: a run of one is a task, unless it is part of one."""

from __future__ import annotations

from finops_pack.adapters import _autogen_runs

MODULES = ("autogen_agentchat.agents",)
TESTED = {"autogen-agentchat": ("0.7", "0.8")}
CANNOT_SEE = ()
HELPS = "autogen"


def install() -> None:
    """Wrap what every agent runs through when it is asked by itself; idempotent."""
    from autogen_agentchat.agents import BaseChatAgent

    _autogen_runs.wrap(BaseChatAgent, lambda agent: _autogen_runs.Alone(agent=str(agent.name)))
