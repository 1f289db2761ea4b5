"""The tools of OpenCode's answers: parts of their own with version 1, in the message with 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finops_pack.importers._tools import ran, result
from finops_pack.recorder._messages import flat
from finops_pack.recorder._verify import verifier

Record = Mapping[str, Any]


def asked(record: Record, key: bytes) -> dict[str, Any]:
    """What a call has of the tools that its answer asked for."""
    made = [ran(key, tool["callID"], tool["tool"], tool["state"]) for tool in _tools(record)]
    return {"tool_calls": made, "action": str(made[0]["name"])} if made else {}


def results(record: Record, key: bytes) -> list[Record]:
    """What they gave back, as far as they have come to their end."""
    ended = (t for t in _tools(record) if t["state"].get("status") in ("completed", "error"))
    return [_gave(key, tool) for tool in ended]


def _tools(record: Record) -> list[Record]:
    """In the words of version 1."""
    content = record.get("content")
    parts = [p for p in content if isinstance(p, dict)] if isinstance(content, list) else []
    tools = [p for p in parts if p.get("type") == "tool" and isinstance(p.get("state"), dict)]
    return [{"callID": tool.get("id"), "tool": tool.get("name"), **tool} for tool in tools]


def _gave(key: bytes, tool: Record) -> dict[str, Any]:
    """`invalid` stands for one that could not be called as it was asked."""
    state, name = tool["state"], tool["tool"]
    failed = state["status"] == "error" or name == "invalid"
    told = state.get("error") or state.get("output") or state.get("content")
    said = flat(told.get("message") if isinstance(told, dict) else told)
    check = verifier(said) if failed and name != "bash" else None
    return result(key, tool["callID"], said, failed, check)
