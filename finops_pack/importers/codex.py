"""Codex CLI's sessions: `~/.codex/sessions/YYYY/MM/DD/rollout-*.jsonl`, archived ones too.

After each answer a `token_count` event tells the counts so far and those of the last request;
it is told again when only the limits have changed. Cached and written input is part of the
input, reasoning part of the output. A fork, and many a sub-agent, begins with a copy of its
parent's events, often with the time of the copying: the same totals under the same root are the
same call. The heads of those above are copied too, which tells the root of forks of forks. What a
compaction used stands in no count, but newer versions (0.154) tell it in a record of its own.
What is older than a week is packed (`.jsonl.zst`) by versions from 0.137 on.

Source: `RolloutLine`, `SessionMeta` and `TokenUsageInfo` of openai/codex (codex-rs/protocol) as
described in ccusage's notes on Codex and its issues 897, 950 and 1370 (copies), issue 47003 of
openai/codex (compaction), checked against samples in public test suites.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finops_pack import config, recorder
from finops_pack.importers._lines import WRONG, added, count, folder_name, logs, micros, why
from finops_pack.importers._state import Item, Rejected, State
from finops_pack.importers._tools import ran, result
from finops_pack.recorder._messages import flat
from finops_pack.recorder._verify import verifier

NAME = "codex"
HELP = "Codex CLI's sessions"
AGENT = True

_WANTED = (
    b'"token_count"', b'"turn_context"', b'"session_meta"', b"_call", b'"user_message"',
    b'"token_usage_record"', b'"compaction_response_id"',
)  # fmt: skip
_COUNTS = {
    "input_tokens": "input_tokens",
    "cache_read_tokens": "cached_input_tokens",
    "cache_write_5m_tokens": "cache_write_input_tokens",
    "output_tokens": "output_tokens",
    "reasoning_tokens": "reasoning_output_tokens",
}

_REFUSED = ("unsupported ", "apply_patch verification failed", "failed to parse function arguments")
"""How Codex itself begins to speak in a tool's place; a program's words stand behind a head."""

_IN_PAGES = ("open_page", "find_in_page")  # of a web search; the search alone is billed

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_COPIED_US = 1_000_000  # counts that come so soon after the head of a session are a copy

Record = Mapping[str, Any]


def default_paths() -> tuple[Path, ...]:
    """`sessions` and `archived_sessions` of `$CODEX_HOME`, else of `~/.codex`."""
    home = Path(os.environ.get("CODEX_HOME") or Path.home() / ".codex")
    return (home / "sessions", home / "archived_sessions")


def files(path: Path) -> Iterator[Path]:
    """The session, or every one below a folder."""
    yield from logs(path, ".jsonl", ".jsonl.zst", ".jsonl.gz")


def read(path: Path, state: State) -> Iterator[Item]:
    """The calls of one session, from where it was left."""
    session = _Session(state.memory, path)
    for line in added(path, state):
        if any(word in line for word in _WANTED) or (line[-1:] != b"}" and line.strip()):
            try:
                yield from session.take(json.loads(line))
            except WRONG as error:
                yield Rejected(state.line + 1, why(error))


class _Session:
    """What one session has told so far; `memory` is kept between imports."""

    def __init__(self, memory: dict[str, Any], path: Path) -> None:
        self.memory, self.path = memory, path
        self.key = config.hash_key(recorder.get().settings)
        for name in ("asked", "results", "ahead"):
            memory.setdefault(name, [])

    def take(self, record: Record) -> Iterator[Item]:
        """One line of the session."""
        payload = record.get("payload")
        kind = record.get("type")
        if not isinstance(payload, dict):
            return
        if kind == "session_meta" and "session" not in self.memory:
            self._meta(payload, micros(record["timestamp"]))
        elif kind == "session_meta":
            self._copied_from(payload)
        elif kind == "turn_context":
            self._turn(payload)
        elif kind == "response_item":
            self._item(payload)
        elif kind == "token_usage_record":
            self.memory["record"] = payload
        elif kind == "compacted":
            yield from self._compacted(payload, micros(record["timestamp"]))
        elif payload.get("type") == "user_message":
            self.memory["turn"] = self.memory.get("turn", 0) + 1
        elif payload.get("type") == "token_count":
            yield from self._count(payload, micros(record["timestamp"]))

    def _meta(self, meta: Record, at: int) -> None:
        self.memory.update(
            session=str(meta["id"]),
            root=str(meta.get("forked_from_id") or meta["id"]),
            above=_above(meta),
            began_us=at,
            agent="subagent" if _spawned(meta) else "main",
            project=folder_name(meta.get("cwd")),
            version=meta.get("cli_version"),
            provider=meta.get("model_provider"),
        )

    def _copied_from(self, meta: Record) -> None:
        """The head of the session above, as it was copied: what it was forked from is the root.

        Older versions do not say which session is above: its head comes before anything is counted.
        """
        held, name = self.memory, str(meta.get("id"))
        unsaid = held.get("above") is None and "total" not in held and name != held["session"]
        if unsaid or name == held.get("above"):
            held.update(root=str(meta.get("forked_from_id") or meta["id"]), above=_above(meta))

    def _turn(self, turn: Record) -> None:
        self.memory["model"] = turn.get("model") or self.memory.get("model")
        if turn.get("turn_id"):
            self.memory["task"] = str(turn["turn_id"])

    def _item(self, item: Record) -> None:
        """A tool that was asked for, or what it gave back: for this answer or the next."""
        kind, name = item.get("type"), item.get("call_id")
        if kind in ("function_call_output", "custom_tool_call_output"):
            mine = any(asked["id"] == name for asked in self.memory["asked"])
            told = self.memory["ahead" if mine else "results"]
            said = flat(item.get("output"))
            check = verifier(said) if said.startswith(_REFUSED) else None
            told.append(result(self.key, name, said, bool(check), check))
        elif kind in ("function_call", "custom_tool_call", "local_shell_call", "web_search_call"):
            done = (item.get("action") or {}).get("type")
            tool = item.get("name") or (done if done in _IN_PAGES else str(kind)[: -len("_call")])
            self.memory["asked"].append(ran(self.key, name, tool, item))

    def _count(self, event: Record, at: int) -> Iterator[Item]:
        info = event.get("info") or {}
        total, last = info.get("total_token_usage"), info.get("last_token_usage")
        usage = _difference(total, last, self.memory.get("total"))
        if usage and "total" not in self.memory:
            self._first(at)
        if total:
            self.memory["total"] = total
        if usage is None:
            return
        if "session" not in self.memory:
            self._meta({"id": _named_by(self.path)}, at)
        yield self._call(usage, total or usage, event, at)

    def _first(self, at: int) -> None:
        """A sub-agent that counts at once, or has before it began, tells the one above again."""
        held = self.memory
        alone = held.get("above") and held["root"] == held["session"]
        if alone and at < held["began_us"] + _COPIED_US:
            held["root"] = held["above"]

    def _compacted(self, told: Record, at: int) -> Iterator[Item]:
        """The request that made a summary: told by its own record alone, in no count so far."""
        record, name = self.memory.pop("record", None) or {}, told.get("compaction_response_id")
        if name and record.get("response_id") == name:
            usage = _counts(record["usage"])
            yield {**self._row(str(name), usage, at), "action": "compact", "response_id": name}

    def _call(self, usage: dict[str, int], total: Record, event: Record, at: int) -> dict[str, Any]:
        held = self.memory
        asked, results = held["asked"], held["results"]
        held["asked"], held["results"], held["ahead"] = [], held["ahead"], []
        held["plan"] = bool((event.get("rate_limits") or {}).get("plan_type"))
        sums = "+".join(map(str, _counts(total).values()))
        row = self._row(sums, usage, at) | {"tool_calls": asked, "tool_results": results}
        row["action"] = asked[0]["name"] if asked else "answer"
        searches = sum(made["name"] == "web_search" for made in asked)
        return {**row, "extra": {"web_search": searches}} if searches else row

    def _row(self, name: str, usage: dict[str, int], at: int) -> dict[str, Any]:
        held = self.memory
        task = held.get("task") or (f"{held['session']}/{held['turn']}" if "turn" in held else None)
        row = {
            "type": "call",
            "merge": "max",
            "id": f"{held['root']}:{name}",
            "start_us": at,
            "model": held.get("model") or "",
            "provider": held["provider"] or "openai",
            "session": held["session"],
            "task": task,
            "project": held["project"],
            "agent": held["agent"],
            "framework": NAME,
            "framework_version": held["version"],
            "adapter": NAME,
            **usage,
        }
        return {**row, "billing_mode": "subscription"} if held.get("plan") else row


def _named_by(path: Path) -> str:
    """The session's id in the file's name, where the head that tells it is damaged."""
    if found := _ID.search(path.name):
        return found[0]
    raise ValueError("tokens are counted before the session is named")


def _spawned(meta: Record) -> Any:
    """What started a sub-agent; nothing of a session that the user began."""
    source = meta.get("source")
    told = source.get("subagent") if isinstance(source, dict) else None
    return told or meta.get("thread_source") == "subagent"


def _above(meta: Record) -> str | None:
    """The session that this one was forked from, or that started it."""
    spawn = _spawned(meta)
    told = spawn.get("thread_spawn") if isinstance(spawn, dict) else None
    above = told.get("parent_thread_id") if isinstance(told, dict) else None
    return meta.get("forked_from_id") or above or meta.get("parent_thread_id")


def _counts(told: Record) -> dict[str, int]:
    return {ours: count(told, theirs) for ours, theirs in _COUNTS.items()}


def _difference(total: Any, last: Any, before: Any) -> dict[str, int] | None:
    """The counts of the last request; None when nothing was counted since `before`."""
    if not (last or total) or (total and total == before):
        return None
    now = _counts(last or total)
    if not last and before and count(total, "input_tokens") >= count(before, "input_tokens"):
        now = {ours: now[ours] - count(before, theirs) for ours, theirs in _COUNTS.items()}
    return now if now["input_tokens"] or now["output_tokens"] else None
