"""Gemini CLI's sessions: `~/.gemini/tmp/<project>/chats/session-*`, as `.json` or `.jsonl`.

A message of type `gemini` is one answer with its tokens: `input` is the whole prompt with what
was cached, `tool` is prompt too, `output` is without the thoughts, or with them where `total` says
so, as with qwen-code. The newer files write a message again whenever it has changed; what was
rewound stands there still, and was paid for. What the user asks is a task, with all answers up to
the next; a sub-agent, in a folder that is named after its session, works for what was asked last.

Source: `ChatRecordingService` of google-gemini/gemini-cli (`TokensSummary`, `MessageRecord`),
as quoted in public notes on the format. qwen-code wrote the same until it moved to
`~/.qwen/projects` (0.14), where an answer is of type `assistant` and has `usageMetadata`, and where
a branch begins with a copy of its session, whose name stands in `forkedFrom`. Its sub-agents lie in
`subagents`, beside its `chats`: of those it tells only the tokens of what they said.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from finops_pack import config, recorder
from finops_pack.importers._lines import (
    WRONG,
    count,
    decoded,
    document,
    folder_name,
    logs,
    micros,
    numbered,
    text,
    why,
)
from finops_pack.importers._state import Item, Rejected, State
from finops_pack.importers._tools import ran, result
from finops_pack.recorder._messages import flat
from finops_pack.recorder._verify import verifier

NAME = "gemini-cli"
HELP = "Gemini CLI's sessions"
AGENT = True

_ENDS = (".json", ".jsonl", ".json.gz", ".jsonl.gz")
_FOLDERS = {"chats", "subagents"}
_HEAD = ("sessionId", "projectHash", "kind", "cwd")
_TOKENS = {
    "input": "promptTokenCount",
    "cached": "cachedContentTokenCount",
    "output": "candidatesTokenCount",
    "thoughts": "thoughtsTokenCount",
    "tool": "toolUsePromptTokenCount",
    "total": "totalTokenCount",
}
_FAILED = ("error", "cancelled")
_TYPED = (None, "cron")  # other kinds of user's messages go on with what was asked before
_GO_ON = ("Please continue.", "System: Please continue.")  # what Gemini CLI itself says

Record = Mapping[str, Any]


def default_paths() -> tuple[Path, ...]:
    """`~/.gemini/tmp`, or below `$GEMINI_CLI_HOME`."""
    return (Path(os.environ.get("GEMINI_CLI_HOME") or Path.home()) / ".gemini" / "tmp",)


def files(path: Path) -> Iterator[Path]:
    """The session, or every one below a folder's `chats` or `subagents`."""
    if path.is_file():
        yield path
        return
    yield from (file for file in logs(path, *_ENDS) if not _FOLDERS.isdisjoint(file.parts))


def read(path: Path, state: State) -> Iterator[Item]:
    """The calls of one session; a message that was written again is told as it was last."""
    key = config.hash_key(recorder.get().settings)
    session: dict[str, Any] = {"project": _project(path), **_beside(path)}
    found: dict[str, dict[str, Any]] = {}
    for number, record in _records(path):
        if isinstance(record, str):
            yield Rejected(number, record)
            continue
        session.update({n: record[n] for n in _HEAD if n in record})
        session["helps"] = session.get("kind") == "subagent" or record.get("isSidechain")
        if session["helps"] and "above" not in session:
            session["above"] = _asked_above(path)
        for message in _messages(record):
            try:
                session["task"] = _asked(session, message) or session.get("task")
                if row := _answer(session, message, key):
                    row["task"] = found.get(row["id"], session)["task"]
                    found[row["id"]] = row
                    session["model"] = row["model"]
            except WRONG as error:
                name = str(message.get("id") or message.get("uuid"))[:40]
                yield Rejected(number, f"message {name!r}: {why(error)}")
    _carry(found)
    yield from found.values()


def _records(path: Path) -> Iterator[tuple[int, Any]]:
    """The one document of a `.json` file, or each line of a `.jsonl`; a text says what is wrong."""
    if path.name.endswith((".json", ".json.gz")):
        yield 1, decoded(document(path))
        return
    for number, line in numbered(path):
        yield number, decoded(line)


def _messages(record: Record) -> list[Record]:
    """The messages that a record brings: a whole session, a patch of it, or one message.

    A patch tells no question anew: what stands in the user's place there may be a summary.
    """
    patch = record.get("$set")
    listed = (patch if isinstance(patch, dict) else record).get("messages")
    if not isinstance(listed, list):
        return [record]
    told: list[Record] = [message for message in listed if isinstance(message, dict)]
    return [m for m in told if m.get("type") != "user"] if patch else told


def _asked(session: Record, message: Record) -> str | None:
    """The task that a message begins; None where it is none of the user's own."""
    if "above" in session:
        at = micros(message["timestamp"]) if "timestamp" in message else 0
        before = (task for begun, task in reversed(session["above"]) if begun <= at)
        return session.get("task") or next(before, None)
    if message.get("type") != "user" or message.get("subtype") not in _TYPED:
        return None
    content = message.get("content")
    parts = [p for p in content if isinstance(p, dict)] if isinstance(content, list) else ()
    if flat(content) in _GO_ON or any("functionResponse" in part for part in parts):
        return None
    return f"{_of(session, message)}:{message.get('id') or message['uuid']}"


def _asked_above(path: Path) -> list[tuple[int, str]]:
    """What the session around a sub-agent was asked, by time: it lies beside the folder."""
    folder, chats = path.parent, path.parent.parent.parent / "chats"
    files = (file for file in chats.glob(f"*{folder.name[:8]}*.json*") if file.is_file())
    return _asked_in(folder.name, tuple((file, file.stat().st_mtime_ns) for file in files))


@lru_cache(maxsize=1)  # a session's sub-agents are read one after the other, and may be many
def _asked_in(name: str, files: tuple[tuple[Path, int], ...]) -> list[tuple[int, str]]:
    asked: list[tuple[int, str]] = []
    for file, _ in files:
        session: dict[str, Any] = {}
        with suppress(OSError, *WRONG):
            for _, record in _records(file):
                session.update({n: record[n] for n in _HEAD if n in record})
                told = _messages(record) if session.get("sessionId") == name else ()
                begun = ((task, m) for m in told if (task := _asked(session, m)))
                asked.extend((micros(m["timestamp"]), task) for task, m in begun)
    return sorted(asked)


def _of(session: Record, message: Record) -> str:
    """The session of a message; what a branch of qwen-code's begins with is of another."""
    origin = message.get("forkedFrom") or session
    return text(origin.get("sessionId"), "sessionId")


def _same(message: Record) -> Record:
    """An answer of newer versions of qwen-code in the words of Gemini CLI."""
    used = message.get("usageMetadata")
    if message.get("type") != "assistant" or not used:
        return message
    parts = (message.get("message") or {}).get("parts") or ()
    asked = [part["functionCall"] for part in parts if part.get("functionCall")]
    tokens = {ours: used.get(theirs) for ours, theirs in _TOKENS.items()}
    told = {"type": "gemini", "id": message["uuid"], "tokens": tokens, "toolCalls": asked}
    return {**message, **told}


def _project(path: Path) -> str | None:
    """The folder that the session is about, as Gemini CLI notes it beside its chats."""
    chats = next((folder for folder in path.parents if folder.name == "chats"), path)
    with suppress(OSError, ValueError):
        return _folder((chats.parent / ".project_root").read_text(encoding="utf-8"))
    return None


def _beside(path: Path) -> dict[str, Any]:
    """The model of a sub-agent of qwen-code, which stands in a file of its own."""
    with suppress(OSError, *WRONG):
        told = json.loads(path.with_suffix(".meta.json").read_bytes())
        return {"model": told["model"]}
    return {}


def _folder(path: Any) -> str | None:
    return folder_name(str(path or "").strip())


def _answer(session: Record, message: Record, key: bytes) -> dict[str, Any] | None:
    """A message as a call; None when no tokens were counted for it."""
    told = _same(message)
    if told.get("type") != "gemini" or not told.get("tokens"):
        return None
    return _call(session, told, key)


def _call(session: Record, message: Record, key: bytes) -> dict[str, Any]:
    tokens = message["tokens"]
    thoughts, output = count(tokens, "thoughts"), count(tokens, "output")
    sent = count(tokens, "input") + count(tokens, "tool")
    apart = count(tokens, "total") != sent + output  # else `output` has the thoughts in it
    tools = [tool for tool in message.get("toolCalls") or () if isinstance(tool, dict)]
    name = _of(session, message)
    model = str(message.get("model") or session.get("model") or "")  # empty answers name none
    project, hashed = session.get("project"), str(session.get("projectHash") or "")
    return {
        "type": "call",
        "id": f"{name}:{text(message['id'], 'id')}",
        "start_us": micros(message["timestamp"]),
        "model": model,
        "provider": "google" if model.startswith("gem") else None,  # qwen-code says not whose
        "session": name,
        "project": project or _folder(session.get("cwd")) or hashed[:12] or None,
        "agent": message.get("agentName") or ("subagent" if session["helps"] else "main"),
        "action": str(tools[0].get("name")) if tools else "answer",
        "framework": NAME,
        "input_tokens": sent,
        "cache_read_tokens": count(tokens, "cached"),
        "output_tokens": output + thoughts if apart else output,
        "reasoning_tokens": thoughts,
        "tool_calls": [ran(key, tool.get("id"), tool.get("name"), tool) for tool in tools],
        "results": [_gave(key, tool) for tool in tools if tool.get("result") is not None],
    }


def _gave(key: bytes, tool: Record) -> dict[str, Any]:
    """What a tool gave back; a shell's error is a program's words, and refuses nothing."""
    failed = tool.get("status") in _FAILED
    said = _error(tool["result"]) if failed and tool.get("name") != "run_shell_command" else ""
    return result(key, tool.get("id"), json.dumps(tool["result"]), failed, verifier(said))


def _error(parts: Any) -> str:
    answers = (p.get("functionResponse") for p in parts if isinstance(p, dict)) if parts else ()
    told = (a.get("response") for a in answers if isinstance(a, dict))
    return next((str(r["error"]) for r in told if isinstance(r, dict) and r.get("error")), "")


def _carry(calls: dict[str, dict[str, Any]]) -> None:
    """What the tools gave back went into the next call."""
    before: list[dict[str, Any]] = []
    for row in calls.values():
        row["tool_results"], before = before, row.pop("results")
