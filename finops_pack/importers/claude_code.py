"""Claude Code's transcripts: `~/.claude/projects/<project>/<session>.jsonl` and its sub-agents.

One answer is written as several lines, one a content block, each with the counts so far: a call
is keyed by `message.id` and `requestId` and has the maximum of each counter. The first pass reads
only lines with usage; `details` (see `_claude_details`) adds what analyses need.

Sources: the transcripts of marot/spotter (2.1.38/39) and ccusage's notes on the format;
`attributionAgent`, `speed` and `server_tool_use` as newer versions write them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finops_pack.importers._claude_details import details
from finops_pack.importers._lines import WRONG, blocks, count, logs, micros, text, why
from finops_pack.importers._state import Item, Rejected, State

__all__ = ["HELP", "NAME", "PLAN", "default_paths", "details", "files", "read"]

NAME = "claude-code"
HELP = "Claude Code's transcripts, sub-agents included"
PLAN = True

OPEN = 4  # calls at the end of a file that may still grow: they are read again next time
_NOWHERE = (None, "", "not_available", "global")
_PROVIDERS = (("msg_bdrk", "bedrock"), ("msg_vrtx", "vertex_ai"))
_BUILT_IN = re.compile(r"a([a-z][a-z_]+)-\w+")  # agent ids of Claude Code's own helpers

Row = dict[str, Any]
Counts = tuple[int, ...]  # as `_counts` gives them


def default_paths() -> tuple[Path, ...]:
    """`projects` of `$CLAUDE_CONFIG_DIR`, else of `~/.claude` and `~/.config/claude`."""
    named = os.environ.get("CLAUDE_CONFIG_DIR")
    home = Path.home()
    roots = named.split(",") if named else [home / ".claude", home / ".config" / "claude"]
    return tuple(path for root in roots if (path := Path(root) / "projects").is_dir())


def files(path: Path) -> Iterator[Path]:
    """The transcript, or every one below a folder, sub-agents' included."""
    yield from logs(path, ".jsonl")


def read(path: Path, state: State) -> Iterator[Item]:
    """The calls of one transcript; the last ones will be told again when it has grown."""
    calls: dict[str, _Call] = {}
    starts: list[tuple[int, int]] = []
    at, number, named = state.offset, state.line, state.memory.get("named", 0)
    for lines in blocks(path, state.offset):
        for line in lines:
            number += 1
            try:
                if b'"usage"' in line and b'"assistant"' in line:
                    if _take(calls, line, state):
                        starts.append((at, number - 1))
                elif line and (line[0] != 123 or line[-1] != 125):
                    _damaged(line)
            except WRONG as error:
                if number > named:
                    state.memory["named"] = number
                    yield Rejected(number, why(error))
            at += len(line) + 1
        while len(calls) > OPEN:
            yield calls.pop(next(iter(calls))).line()
    for call in calls.values():
        yield call.line()
    if starts:
        state.offset, state.line = starts[-OPEN:][0]


def _damaged(line: bytes) -> None:
    """A line that is no object in braces: blank, ended by a carriage return, or torn."""
    line = line.strip()
    if line and (line[:1] != b"{" or line[-1:] != b"}"):
        json.loads(line)
        raise ValueError("must be an object")


class _Call:
    """A call whose lines are still being read."""

    __slots__ = ("counts", "row")

    def __init__(self, row: Row, counts: Counts) -> None:
        self.row, self.counts = row, counts

    def add(self, counts: Counts) -> None:
        """The maximum of each counter."""
        if counts != self.counts:
            self.counts = tuple(map(max, self.counts, counts))

    def line(self) -> Row:
        """As a line of the ledger."""
        fresh, read, short, long, out, thought, searches = self.counts
        row = self.row
        row["input_tokens"] = fresh + read + short + long
        row["cache_read_tokens"] = read
        row["cache_write_5m_tokens"] = short
        row["cache_write_1h_tokens"] = long
        row["output_tokens"] = out
        if thought:
            row["reasoning_tokens"] = thought
        if searches:
            row["extra"] = {"web_search": searches}
        return row


def _take(calls: dict[str, _Call], line: bytes, state: State) -> bool:
    """Add a line to its call; True when it is the first of it."""
    record = json.loads(line)
    if record.get("type") != "assistant":
        return False
    message = record["message"]
    model = message["model"]
    if model == "<synthetic>":  # written by Claude Code itself: no request was made
        return False
    request = record.get("requestId")
    key = f"{message.get('id') or record['uuid']}:{request or ''}"
    counts = _counts(message["usage"])
    call = calls.get(key)
    if call is not None:
        call.add(counts)
        _acted(call.row, message)
        return False
    calls[key] = _Call(_row(key, record, message, state), counts)
    return True


def _counts(usage: Mapping[str, Any]) -> Counts:
    written = count(usage, "cache_creation_input_tokens")
    lives = usage.get("cache_creation") or {}
    long = count(lives, "ephemeral_1h_input_tokens")
    return (
        count(usage, "input_tokens"),
        count(usage, "cache_read_input_tokens"),
        max(written - long, count(lives, "ephemeral_5m_input_tokens")),
        long,
        count(usage, "output_tokens"),
        count(usage.get("output_tokens_details") or {}, "thinking_tokens"),
        count(usage.get("server_tool_use") or {}, "web_search_requests"),
    )


def _row(key: str, record: Mapping[str, Any], message: Mapping[str, Any], state: State) -> Row:
    model = text(message["model"], "model")
    row = {
        "type": "call",
        "merge": "max",
        "id": key,
        "start_us": micros(record["timestamp"]),
        "model": model,
        "provider": _provider(model, message.get("id") or ""),
        "response_id": message.get("id"),
        "request_id": record.get("requestId"),
        "session": record.get("sessionId"),
        "project": _project(record, state),
        "agent": _agent(record),
        "action": "answer",
        "framework": NAME,
        "framework_version": record.get("version"),
        "adapter": NAME,
    }
    _acted(row, message)
    _billed_by(row, message["usage"])
    return row


def _provider(model: str, answer: str) -> str | None:
    """Who served it, told by the form of the answer's id; None behind a proxy of another."""
    named = next((name for start, name in _PROVIDERS if answer.startswith(start)), None)
    return named or ("anthropic" if model.startswith("claude") else None)


def _project(record: Mapping[str, Any], state: State) -> str | None:
    """The folder in which the session began."""
    if "project" not in state.memory:
        folder = str(record.get("cwd") or "").replace("\\", "/").rstrip("/")
        state.memory["project"] = folder.rpartition("/")[2] or None
    return state.memory["project"]  # type: ignore[no-any-return]


def _agent(record: Mapping[str, Any]) -> str:
    """`main`, the kind of a sub-agent where it is written, else `subagent`."""
    if not record.get("isSidechain"):
        return "main"
    if record.get("attributionAgent"):
        return str(record["attributionAgent"])
    built_in = _BUILT_IN.fullmatch(str(record.get("agentId")))
    return built_in[1] if built_in else "subagent"


def _acted(row: Row, message: Mapping[str, Any]) -> None:
    """The first tool that the answer asks for is what the call was for."""
    if message.get("stop_reason"):
        row["finish_reason"] = message["stop_reason"]
    if row["action"] == "answer":
        content = message.get("content")
        for block in content if isinstance(content, list) else ():
            if isinstance(block, dict) and block.get("type") in ("tool_use", "server_tool_use"):
                row["action"] = str(block.get("name") or "tool")
                return


def _billed_by(row: Row, usage: Mapping[str, Any]) -> None:
    """What changes the price of a token: tier, speed, place."""
    tier = usage.get("service_tier")
    if tier == "batch":
        row["processing"] = tier
    elif tier not in (None, "standard"):
        row["service_tier"] = tier
    if usage.get("speed") == "fast":
        row["service_tier"] = "fast"
    if usage.get("inference_geo") not in _NOWHERE:
        row["region"] = usage["inference_geo"]
