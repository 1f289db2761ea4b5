"""What a transcript of Claude Code tells of a call in hand, as lines of the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from finops_pack.importers._claude_agents import of_turn
from finops_pack.importers._state import Item

_SHARED = ("start_us", "task", "agent")  # what is billed beside a call has these of it


def turn_begun(turn: dict[str, Any] | None) -> Iterator[Item]:
    """The task of a turn, told once, with its first call."""
    if turn and turn.get("task"):
        yield turn.pop("task")


def call_told(thread: dict[str, Any]) -> Iterator[Item]:
    """The call in hand, as far as it is known."""
    call, turn = thread["call"], thread["turn"] or {}
    if not call or not call.pop("new", False):
        return
    fields = of_turn(turn)
    fields.update({name: call[name] for name in ("tool_calls", "tool_results") if call[name]})
    if call["asked_us"] and call["end_us"] >= call["asked_us"]:
        fields["start_us"] = call["asked_us"]  # the first pass knows the first answer's line only
        fields["duration_ms"] = (call["end_us"] - call["asked_us"]) // 1000
        if tries := call.get("tries"):
            lost_us = max(tries.values()) - call["asked_us"]
            fields.update(attempts=1 + len(tries), lost_ms=max(0, lost_us) // 1000)
    yield amend(call["id"], **fields)
    for name in call.get("apart", ()):
        yield amend(name, **{key: fields[key] for key in _SHARED if key in fields})


def turn_ended(thread: dict[str, Any] | None) -> Iterator[Item]:
    """When the turn in hand ended, as far as its own calls tell."""
    if thread and thread["turn"] and thread["call"] and "task" not in thread["turn"]:
        yield {"type": "task", "id": thread["turn"]["id"], "end_us": thread["call"]["end_us"]}


def amend(call: str, **fields: Any) -> dict[str, Any]:
    """The changed fields of a call."""
    return {"type": "amend", "id": call, **fields}
