"""Where the calls of a sub-agent of Claude Code belong: its turn, the call that started it."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any


def thread_of(record: Mapping[str, Any], known: Mapping[str, Any], memory: dict[str, Any]) -> str:
    """The conversation of a line: `main`, or that of a sub-agent, by its id.

    Older versions wrote sub-agents into the main transcript, without an id: there each begins
    with a line that has none above it, and `memory` keeps the lines that followed.
    """
    if not record.get("isSidechain"):
        return "main"
    if record.get("agentId"):
        return str(record["agentId"])
    sides: dict[str, str] = memory.setdefault("sides", {})
    line, above = str(record.get("uuid")), record.get("parentUuid")
    begins = above is None and record["type"] == "user"
    name = sides.get(line) or (None if begins else sides.get(str(above), memory.get("side")))
    sides[line] = memory["side"] = name or f"side{len(known)}"
    return sides[line]


def turn_of_agent(name: str, plan: Mapping[str, Any], at: int, prompt: Any) -> dict[str, Any]:
    """The turn in which a sub-agent was started, the call that did, when, and its kind."""
    turn, agents = _latest(plan["turns"], at), plan["agents"]
    by_id = [s for s in plan["started"] if s[2] == agents.get(name)]
    by_prompt = [s for s in plan["started"] if s[4:] == [prompt] and s[0] <= at]
    started = next(iter(by_id or by_prompt[-1:]), None)
    known = name in agents or "-" in name  # its starter, or that it is a helper of Claude Code's
    if started is None and not known:
        others = set(agents.values())
        started = _latest([s for s in plan["started"] if s[2] not in others], at)
    found = {"id": turn[1] if turn else None}
    if started:
        found.update(parent=started[1], agent=started[3], since=started[0])
    return found


def placed(path: Path, name: str, plan: dict[str, Any], at: int, prompt: Any) -> dict[str, Any]:
    """As `turn_of_agent`; newer versions write beside a transcript who started it, and its kind."""
    told: Any = {}
    with suppress(OSError, ValueError):
        told = json.loads(path.with_name(f"agent-{name}.meta.json").read_bytes())
    beside = told if isinstance(told, dict) else {}
    if beside.get("toolUseId"):
        plan["agents"].setdefault(name, str(beside["toolUseId"]))
    return {"agent": beside.get("agentType"), **turn_of_agent(name, plan, at, prompt)}


def helps(record: Mapping[str, Any]) -> bool:
    """Whether a line is of one of Claude Code's own helpers, which no tool call started."""
    return bool(record.get("isSidechain")) and "-" in str(record.get("agentId") or "")


def _latest(told: list[list[Any]], at: int) -> list[Any] | None:
    """The last of what began at or before `at`."""
    index = bisect_right([entry[0] for entry in told], at)
    return told[index - 1] if index else None


def of_turn(turn: Mapping[str, Any]) -> dict[str, Any]:
    """What a call has of the turn that it belongs to."""
    named = ("task", "id"), ("parent", "parent"), ("agent", "agent")
    return {name: turn[key] for name, key in named if turn.get(key)}
