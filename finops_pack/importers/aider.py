"""aider's analytics log, as `--analytics-log FILE` writes it: one event a line.

`message_send` is one answer. It tells prompt and completion tokens, but not which of them a cache
held, so the counts are marked as estimated; its `cost` is aider's own estimate and is not read.

Source: `scripts/my_models.py` of Aider-AI/aider and public notes on the log's events.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finops_pack.importers._lines import WRONG, added, count, jsonl_files, why
from finops_pack.importers._state import Item, Memory, Rejected, State

NAME = "aider"
HELP = "aider's analytics log"
AGENT = True
files = jsonl_files


def default_paths() -> tuple[Path, ...]:
    """`~/.aider/analytics.jsonl`, where aider's own documents put it."""
    return (Path.home() / ".aider" / "analytics.jsonl",)


def read(path: Path, state: State) -> Iterator[Item]:
    """The answers in what was added since the last import."""
    for line in added(path, state):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            if record["event"] == "message_send":
                yield _call(record, state.memory)
        except WRONG as error:
            yield Rejected(state.line + 1, why(error))


def _call(record: Mapping[str, Any], memory: Memory) -> dict[str, Any]:
    told = record["properties"]
    seconds = record["time"]
    sent, out = count(told, "prompt_tokens"), count(told, "completion_tokens")
    return {
        "type": "call",
        "id": _id(f"{record.get('user_id')}:{seconds}:{sent}+{out}", memory),
        "start_us": int(seconds) * 1_000_000,
        "model": str(told.get("main_model") or ""),
        "agent": "main",
        "action": str(told.get("edit_format") or "answer"),
        "framework": NAME,
        "input_tokens": sent,
        "output_tokens": out,
        "usage_basis": "estimated",
        "usage_method": "aider logs no cached tokens",
    }


def _id(name: str, memory: Memory) -> str:
    """It has none. A log may be cut at its head, so that a place in it names nothing."""
    memory["again"] = memory.get("again", 0) + 1 if memory.get("last") == name else 0
    memory["last"] = name
    return f"{name}:{memory['again']}"
