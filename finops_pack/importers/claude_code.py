"""Claude Code's transcripts: `~/.claude/projects/<project>/<session>.jsonl` and its sub-agents.

One answer is written as several lines, one a content block, each with the counts so far: a call
is keyed by `message.id` and `requestId`, of which a line may lack one, and has the maximum of each
counter. The first pass reads only lines with usage; `details` (see `_claude_details`) adds what
analyses need.

Sources: the transcripts of marot/spotter (2.1.38/39) and ccusage's notes on the format;
`attributionAgent`, `speed` and `server_tool_use` as newer versions write them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

from finops_pack.importers._anthropic import apart, counts, fill, served_by
from finops_pack.importers._claude_names import Names, key_of, names_of, origin, same, united
from finops_pack.importers._lines import (
    WRONG,
    folder_name,
    jsonl_files,
    line_at,
    micros,
    text,
    whole,
    why,
)
from finops_pack.importers._state import Item, Rejected, State

NAME = "claude-code"
HELP = "Claude Code's transcripts, sub-agents included"
AGENT = True
files = jsonl_files

OPEN = 4  # calls at the end of a file that may still grow: they are read again next time
MANY = 2000  # calls held at once
SYNTHETIC = "<synthetic>"  # Claude Code's own words: no request was made
ANSWER = "answer"  # the action of a call that asks for no tool
_ITS_OWN = ("response_id", "request_id", "finish_reason", "extra", "reasoning_tokens")
_NOWHERE = (None, "", "not_available", "global")
_BUILT_IN = re.compile(r"a([a-z][a-z_]+)-\w+")  # agent ids of Claude Code's own helpers

Row = dict[str, Any]


def default_paths() -> tuple[Path, ...]:
    """`projects` of `$CLAUDE_CONFIG_DIR`, else of `~/.claude` and `~/.config/claude`."""
    named = os.environ.get("CLAUDE_CONFIG_DIR")
    home = Path.home()
    roots = named.split(",") if named else [home / ".claude", home / ".config" / "claude"]
    return tuple(Path(root) / "projects" for root in roots)


def late(path: Path) -> bool:
    """Whether it is a sub-agent's, of which the main transcript, anywhere beside it, tells more."""
    return path.name.startswith("agent-")


def read(path: Path, state: State) -> Iterator[Item]:
    """The calls of one transcript; the last ones will be told again when it has grown.

    Only lines with usage are looked at: what is wrong with others, `details` tells.
    """
    calls: dict[str, _Call] = {}
    starts: list[int] = []
    named = state.memory.get("named", 0)
    for at, line in _with_usage(path, state.offset):
        try:
            if _take(calls, line, state):
                starts.append(at)
        except WRONG as error:
            if at >= named:
                state.memory["named"] = at + 1
                yield Rejected(line_at(path, at), why(error))
        if len(calls) > MANY:
            done = [calls.pop(key) for key in list(calls)[:-OPEN]]
            yield from chain.from_iterable(map(_rows, done))
    yield from chain.from_iterable(map(_rows, calls.values()))
    if starts:
        state.offset = starts[-OPEN:][0]


def details(path: Path, state: State) -> Iterator[Item]:
    """Turns, tools and what became of them: the second pass."""
    from finops_pack.importers import _claude_details

    return _claude_details.details(path, state)


def _with_usage(path: Path, offset: int) -> Iterator[tuple[int, bytes]]:
    """Every line that may hold usage, and where it begins in the file."""
    for at, data in whole(path, offset):
        end = 0
        while (found := data.find(b'"usage"', end)) >= 0:
            start = data.rfind(b"\n", end, found) + 1 or end
            end = data.find(b"\n", found)
            end = len(data) if end < 0 else end
            line = data[start:end]
            if b'"assistant"' in line:
                yield at + start, line


class _Call:
    """A call whose lines are still being read; `told` is the usage of its last line."""

    __slots__ = ("apart", "counts", "names", "row", "told")

    def __init__(self, row: Row, usage: Any, names: Names) -> None:
        self.row, self.told, self.counts, self.apart = row, usage, counts(usage), apart(usage)
        self.names = names

    def add(self, usage: Any) -> None:
        """The maximum of each counter; tier, speed and place may stand in the last line alone.

        Once another model answers, the counts are no longer those of the one that declined.
        """
        if usage != self.told:
            found, same = counts(usage), served_by(usage) == served_by(self.told)
            self.counts = tuple(map(max, self.counts, found)) if same else found
            self.told, self.apart = usage, apart(usage)
            _billed_by(self.row, usage)


def _rows(call: _Call) -> Iterator[Row]:
    """The call, and what is billed apart: an advisor, a compaction, a model that declined."""
    yield fill(call.row, call.counts)
    for number, action, model, found in call.apart:
        row = {name: value for name, value in call.row.items() if name not in _ITS_OWN}
        row.update(id=f"{row['id']}/{number}", parent=row["id"], action=action)
        row["model"] = model or row["model"]
        yield fill(row, found)


def _take(calls: dict[str, _Call], line: bytes, state: State) -> bool:
    """Add a line to its call; True when it is the first of it."""
    record = json.loads(line)
    if record.get("type") != "assistant":
        return False
    message = record["message"]
    usage = message.get("usage")
    if usage is None or message["model"] == SYNTHETIC:
        return False
    names = names_of(record)
    key = key_of(names, record)
    call = calls.get(key) or _named_in_part(calls, names)
    if call is None:
        calls[key] = _Call(_row(key, record, message, state), usage, names)
        return True
    call.add(usage)
    _acted(call.row, message)
    return False


def _named_in_part(calls: dict[str, _Call], names: Names) -> _Call | None:
    """Among the last calls, that of a line which lacks a name, or brings one that was lacking."""
    for call in islice(reversed(calls.values()), OPEN):
        if same(call.names, names):
            call.names = united(call.names, names)
            call.row["response_id"], call.row["request_id"] = call.names
            return call
    return None


def _row(key: str, record: Mapping[str, Any], message: Mapping[str, Any], state: State) -> Row:
    answer, model = message.get("id"), text(message["model"], "model")
    row = {
        "type": "call",
        "merge": "max",
        "id": key,
        "start_us": micros(record["timestamp"]),
        "model": model,
        "provider": _provider(model, answer or ""),
        "response_id": answer,
        "request_id": record.get("requestId"),
        "session": origin(record).get("sessionId") or record.get("sessionId"),
        "project": _project(record, state),
        "agent": _agent(record) if record.get("isSidechain") else "main",
        "action": ANSWER,
        "framework": NAME,
        "framework_version": record.get("version"),
    }
    _acted(row, message)
    _billed_by(row, message["usage"])
    return row


def _provider(model: str, answer: str) -> str | None:
    """Who served it, told by the form of the answer's id; None behind a proxy of another."""
    if answer.startswith("msg_bdrk"):
        return "bedrock"
    if answer.startswith("msg_vrtx"):
        return "vertex_ai"
    return "anthropic" if model.startswith("claude") else None


def _project(record: Mapping[str, Any], state: State) -> str | None:
    """The folder in which the session began."""
    if "project" not in state.memory:
        state.memory["project"] = folder_name(record.get("cwd"))
    return state.memory["project"]  # type: ignore[no-any-return]


def _agent(record: Mapping[str, Any]) -> str:
    """The kind of a sub-agent where it is written, else `subagent`."""
    if record.get("attributionAgent"):
        return str(record["attributionAgent"])
    built_in = _BUILT_IN.fullmatch(str(record.get("agentId")))
    return built_in[1] if built_in else "subagent"


def _acted(row: Row, message: Mapping[str, Any]) -> None:
    """The first tool that the answer asks for is what the call was for."""
    if message.get("stop_reason"):
        row["finish_reason"] = message["stop_reason"]
    if row["action"] == ANSWER:
        content = message.get("content")
        for block in content if isinstance(content, list) else ():
            if isinstance(block, dict) and block.get("type") in ("tool_use", "server_tool_use"):
                row["action"] = str(block.get("name") or "tool")
                return


def _billed_by(row: Row, usage: Mapping[str, Any]) -> None:
    """What changes the price of a token: tier, speed, place, and who answered in the end."""
    row["model"] = served_by(usage) or row["model"]
    tier = usage.get("service_tier")
    if tier == "batch":
        row["processing"] = tier
    elif tier not in (None, "standard"):
        row["service_tier"] = tier
    if usage.get("speed") == "fast":
        row["service_tier"] = "fast"
    if usage.get("inference_geo") not in _NOWHERE:
        row["region"] = usage["inference_geo"]
