"""OpenCode's messages: `opencode.db` in its data folder, or `storage/message/**.json` before 1.2.

OpenCode 2 keeps them in the same file, in a table of its own, beside what it took over from 1.

An assistant message is one answer. `tokens.input` is without what the cache held; `output` is
without the reasoning in newer releases and with it in older ones, which `total` tells apart. Its
`cost` is OpenCode's own estimate and is not read.

A fork copies messages into a session of its own, under new ids: the same answer in two sessions of
one database counts in the first. Copies of OpenCode 2 keep their place in the session. Files of
before 1.2 stay beside the database that has taken them over: of one message the larger counts.
A copy among them is told by its id, in which stands when it was made: after it had ended.

Tools are parts of their own with 1, and in the message with 2. What they gave back went into the
session's next answer, which is known where a database tells both.

The database is read again when its file has changed: what OpenCode keeps beside it in the
write-ahead log counts at once, but comes in with the next such change.

Source: `Session.getUsage` and the message type of sst/opencode, as public notes quote them; for
version 2, issues 1644 and 1780 of ccusage and 30 of cross_agent_session_resumer.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
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
    text,
    why,
)
from finops_pack.importers._opencode_tools import asked, results
from finops_pack.importers._state import Item, Rejected, State

NAME = "opencode"
HELP = "OpenCode's sessions"
AGENT = True

_QUERY = "SELECT id, session_id, data FROM message ORDER BY id"

_PARTS = "SELECT data FROM part WHERE message_id = ? AND instr(data, '\"tool\"') ORDER BY id"

_ABOVE = "SELECT id, parent_id FROM session WHERE parent_id IS NOT NULL"

_QUERY_2 = """
    SELECT m.id, m.session_id, m.type, m.seq, s.directory, s.fork_session_id, m.time_created,
           CASE m.type WHEN 'assistant' THEN m.data END,
           CASE WHEN s.parent_id IS NOT NULL AND s.fork_session_id IS NULL THEN (
             SELECT p.id FROM session_message p WHERE p.session_id = s.parent_id
             AND p.type = 'user' AND p.time_created <= m.time_created ORDER BY p.seq DESC LIMIT 1
           ) END
    FROM session_message m LEFT JOIN session_v2 s ON s.id = m.session_id
    WHERE m.type IN ('user', 'assistant') ORDER BY s.time_created, s.id, m.seq
"""
_SAME = ("start_us", "duration_ms", "model", "input_tokens", "cache_read_tokens", "output_tokens")

_MADE = re.compile(r"msg_([0-9a-f]{12})")
_MADE_WRAP = 2**36  # ms; all that an id holds of a time
_SOON = 1000  # ms

_SELLERS = {"google-vertex-anthropic": "vertex_ai", "azure-cognitive-services": "azure"}

Record = Mapping[str, Any]


def default_paths() -> tuple[Path, ...]:
    """`~/.local/share/opencode`, or below `XDG_DATA_HOME`."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return (Path(data) / "opencode",)


def files(path: Path) -> Iterator[Path]:
    """The file, or the databases and messages below a folder."""
    if path.is_file():
        yield path
        return
    yield from (file for file in logs(path, ".json", ".json.gz") if "message" in file.parts)
    yield from sorted(path.glob("opencode*.db"))  # last, since they tell the most


def read(path: Path, state: State) -> Iterator[Item]:
    """The answers of one file; what was only asked costs nothing by itself."""
    told: dict[tuple[Any, ...], str] = {}
    gave: dict[str, list[Record]] = {}
    key = config.hash_key(recorder.get().settings)
    for number, record in _records(path):
        try:
            if isinstance(record, str):
                raise ValueError(record)
            if record.get("role") == "assistant" and _paid(record):
                row = _call(record)
                first = told.setdefault(tuple(map(row.get, _SAME)), row["session"])
                if first == row["session"] and (path.suffix == ".db" or not _copied(record)):
                    row["tool_results"], gave[first] = gave.get(first), results(record, key)
                    yield row | asked(record, key)
        except WRONG as error:
            yield Rejected(number, why(error))


def _records(path: Path) -> Iterator[tuple[int, Any]]:
    """Each message with its number; a text says what is wrong with it."""
    if path.suffix != ".db":
        data = document(path)
        if data.strip():
            parts = path.parent.parent.parent / "part" / path.name.partition(".")[0]
            content = [decoded(document(file)) for file in sorted(parts.glob("*.json"))]
            yield 1, _joined(data, {"content": content})
        return
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
            yield from enumerate(_rows(db), 1)
    except sqlite3.Error as error:
        yield 0, str(error)


def _rows(db: sqlite3.Connection) -> Iterator[Any]:
    """The messages of version 1, then those of version 2 that are not among them."""
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
    second, seen = "session_v2" in tables, set()
    columns = {name for _, name, *_ in db.execute("PRAGMA table_info(session)")}
    above = dict(db.execute(_ABOVE)) if "parent_id" in columns else {}
    prompts: dict[str, str] = {}
    if "message" in tables or not second:
        for name, session, data in db.execute(_QUERY):
            seen.add(name)
            parts = db.execute(_PARTS, (name,)) if "part" in tables else ()
            content = [decoded(part) for (part,) in parts]
            record = _joined(data, {"id": name, "sessionID": session, "content": content})
            yield _by_prompt(record, above.get(session), prompts)
    if second:
        yield from (record for name, record in _second(db) if name not in seen)


def _by_prompt(record: Any, above: str | None, prompts: dict[str, str]) -> Any:
    """A message; one of a sub-agent answers what the session above it was asked last.

    It may be told to go on later, for another prompt.
    """
    if not isinstance(record, dict):
        return record
    session, name = str(record["sessionID"]), str(record["id"])
    if record.get("role") == "user" or (above and session not in prompts):
        prompts[session] = prompts.get(above, name) if above else name
    return {**record, "parentID": prompts[session]} if above else record


def _second(db: sqlite3.Connection) -> Iterator[tuple[str, Any]]:
    """The answers of version 2 in the words of version 1, without what a fork has copied."""
    held: dict[tuple[str, int], Any] = {}
    prompts: dict[str, str] = {}  # by session, and by the message that one of them is itself
    for name, session, kind, seq, folder, fork, created, data, above in db.execute(_QUERY_2):
        if kind == "user":
            prompts[session] = prompts[name] = prompts.get(above, above) if above else name
            continue
        more = {"id": name, "sessionID": session, "parentID": prompts.get(session), "role": kind}
        record = _joined(data, {**more, "path": {"root": folder}, "apart": True})
        if isinstance(record, dict):
            held[session, seq] = record.get("tokens")
            if fork and held.get((fork, seq)) == record.get("tokens"):
                continue
            model = record.get("model")
            told = model if isinstance(model, dict) else {}
            record.update(modelID=told.get("id"), providerID=told.get("providerID"))
            record.setdefault("time", {"created": created})
        yield name, record


def _joined(data: str | bytes, more: dict[str, Any]) -> Any:
    record = decoded(data)
    return {**record, **more} if isinstance(record, dict) else record


def _paid(record: Record) -> bool:
    """Whether any token was counted; a message that has only begun has none."""
    return any(_counts(record).values())


def _counts(record: Record) -> dict[str, int]:
    tokens = record.get("tokens") or {}
    cache = tokens.get("cache") or {}
    fresh, read, written = count(tokens, "input"), count(cache, "read"), count(cache, "write")
    answer, reasoning = count(tokens, "output"), count(tokens, "reasoning")
    parts = fresh + read + written + answer + reasoning
    apart = record.get("apart") or count(tokens, "total") == parts
    return {
        "input_tokens": fresh + read + written,
        "cache_read_tokens": read,
        "cache_write_5m_tokens": written,
        "output_tokens": answer + reasoning if apart or reasoning > answer else answer,
        "reasoning_tokens": reasoning,
    }


def _call(record: Record) -> dict[str, Any]:
    begun, ended = record["time"]["created"], record["time"].get("completed")
    failed = _failed(record["error"]) if record.get("error") else {}
    seller = str(record.get("providerID") or "") or None
    return {
        "type": "call",
        "merge": "larger",
        "id": text(record["id"], "id"),
        "start_us": int(begun) * 1000,
        "duration_ms": max(0, int(ended) - int(begun)) if ended else None,
        "model": str(record.get("modelID") or ""),
        "provider": _SELLERS.get(seller or "", seller),
        "session": text(record["sessionID"], "sessionID"),
        "task": record.get("parentID"),
        "project": _project(record.get("path") or {}),
        "agent": record.get("agent") or record.get("mode") or "main",
        "action": "answer",
        "framework": NAME,
        "finish_reason": record.get("finish"),
        **_counts(record),
        **failed,
    }


def _failed(error: Record) -> dict[str, Any]:
    """How an answer failed: all that an API refuses has one name, so that its status says more."""
    told = error.get("data")
    status = told.get("statusCode") if isinstance(told, dict) else None
    return {"status": "error", "error_type": str(status or error.get("name"))}


def _copied(record: Record) -> bool:
    """Whether a message got its id when it had long ended: a fork keeps the times it copies."""
    made, time = _MADE.match(record["id"]), record["time"]
    if not made:
        return False
    late = (int(made[1], 16) >> 12) - int(time.get("completed") or time["created"])
    return _SOON < late % _MADE_WRAP < _MADE_WRAP // 2


def _project(path: Record) -> str | None:
    """The repository's folder; outside of any its root is `/`, and it is the folder at work in."""
    return folder_name(path.get("root")) or folder_name(path.get("cwd"))
