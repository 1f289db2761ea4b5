"""Where the calls of a sub-agent of Claude Code belong: its turn, the call that started it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any


def turn_of_agent(name: str, plan: Mapping[str, Any], at: int) -> dict[str, Any]:
    """The turn in which a sub-agent was started, the call that did, and its kind."""
    turn, agents = _latest(plan["turns"], at), plan["agents"]
    started = next((s for s in plan["started"] if s[2] == agents.get(name)), None)
    if started is None and "-" not in name:  # else one of Claude Code's own helpers
        others = set(agents.values())
        started = _latest([s for s in plan["started"] if s[2] not in others], at)
    found = {"id": turn[1] if turn else None}
    if started:
        found.update(parent=started[1], agent=started[3])
    return found


def _latest(told: list[list[Any]], at: int) -> list[Any] | None:
    """The last of what began at or before `at`."""
    index = bisect_right([entry[0] for entry in told], at)
    return told[index - 1] if index else None


def of_turn(turn: Mapping[str, Any]) -> dict[str, Any]:
    """What a call has of the turn that it belongs to."""
    named = ("task", "id"), ("parent", "parent"), ("agent", "agent")
    return {name: turn[key] for name, key in named if turn.get(key)}
