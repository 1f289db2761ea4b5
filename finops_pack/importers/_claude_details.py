"""Second pass over Claude Code's transcripts: turns, tools and what became of them.

A user's turn is a task; what a tool gave back stands on the call that carried it in, as hash,
status and length; an answer that was refused (unknown tool, arguments, edit, missing file, the
user) names its verifier. A sub-agent's calls belong to the turn in which it was started.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finops_pack import config, recorder
from finops_pack.importers._anthropic import apart
from finops_pack.importers._claude_agents import helps, of_turn, placed, thread_of, turn_of_agent
from finops_pack.importers._claude_names import Names, key_of, names_of, origin, same, united
from finops_pack.importers._claude_told import amend, call_told, turn_begun, turn_ended
from finops_pack.importers._lines import WRONG, added, micros, why
from finops_pack.importers._state import Item, Rejected, State
from finops_pack.importers._tools import ran, result
from finops_pack.recorder._jobs import hashed
from finops_pack.recorder._messages import flat
from finops_pack.recorder._verify import verifier

Record = Mapping[str, Any]
OPENS, CLOSES = b"{}"
_STARTS_AGENTS = ("Task", "Agent")
_REFUSED = "<tool_use_error>"  # what Claude Code itself says of a tool call
_SHELLS = ("Bash", "BashOutput", "PowerShell")  # what they give back are a program's words
_WAITS = ("TaskOutput", "BashOutput", "AgentOutputTool")  # who stops them has not refused them
_STOPPED = ("interrupted", "cancelled")  # what newer versions call it where a tool was at work
_OURS = ("<local-command", "<bash-", "<task-notification", "Caveat: ")
_DEEPEST = 5  # beside the main transcript, or <session>/subagents/workflows/<run> below it
_WANTED = (b'"user"', b'"assistant"', b'"api_error"')
_INTERRUPT = "[Request interrupted by user"


def details(path: Path, state: State) -> Iterator[Item]:
    """Amendments and tasks from what was added to the transcript since the last time."""
    session = _Session(path, state)
    place = State(*state.memory.get("detailed", (0, 0)))
    for line in added(path, place):
        try:
            if any(word in line for word in _WANTED):
                yield from session.take(json.loads(line))
            elif line and (line[0] != OPENS or line[-1] != CLOSES):
                _torn(line)
        except WRONG as error:
            if b'"usage"' not in line or b'"assistant"' not in line:  # else it has been named
                yield Rejected(place.line + 1, why(error))
    yield from session.rest()
    state.memory["detailed"] = [place.offset, place.line]


def _torn(line: bytes) -> None:
    """Refuse a line that is no object in braces; blank ones are nothing."""
    line = line.strip().removeprefix(BOM_UTF8)
    if line and (line[0] != OPENS or line[-1] != CLOSES):
        json.loads(line)
        raise ValueError("must be an object")


class _Session:
    """What is known of one session while its transcript, or that of its sub-agent, is read.

    `threads` are the chains of calls in this file, by sub-agent; `plans`, by session, the turns,
    the sub-agents started and their ids: what a sub-agent's transcript needs to know.
    """

    def __init__(self, path: Path, state: State) -> None:
        self.path, self.peek, self.memory = path, state.peek, state.memory
        self.threads: dict[str, dict[str, Any]] = self.memory.setdefault("threads", {})
        self.plans: dict[str, dict[str, Any]] = self.memory.setdefault("plans", {})
        self.key = config.hash_key(recorder.get().settings)
        self._placed: set[str] = set()

    def take(self, record: Record) -> Iterator[Item]:
        """One line of the transcript."""
        kind = record.get("type")
        if kind == "user":
            yield from self._user(record)
        elif kind == "assistant" and record["message"].get("model") != "<synthetic>":
            yield from self._answer(record)
        elif kind == "system" and record.get("subtype") == "api_error":
            self._failed(record)

    def rest(self) -> Iterator[Item]:
        """What is known so far of the calls and the turn that may still go on."""
        for thread in self.threads.values():
            yield from call_told(thread)
        yield from turn_ended(self.threads.get("main"))

    # --- where a line belongs --------------------------------------------------------------
    def _plan(self, record: Record) -> dict[str, Any]:
        """The plan of the line's session: this file's own, or that of the main transcript."""
        name = str(record.get("sessionId"))
        empty: dict[str, Any] = {"turns": [], "started": [], "agents": {}}
        if not record.get("isSidechain"):
            return self.plans.setdefault(name, empty)
        above = self.path.parents[:_DEEPEST]
        files = (folder / (name + end) for folder in above for end in (".jsonl", ".jsonl.gz"))
        others = (self.peek(file).get("plans", {}) for file in files)
        return next((plans[name] for plans in (self.plans, *others) if name in plans), empty)

    def _thread(self, record: Record) -> dict[str, Any]:
        name = thread_of(record, self.threads, self.memory)
        if name not in self.threads:
            self.threads[name] = {"results": [], "turn": None, "call": None, "asked_us": None}
            if name != "main" and record["type"] == "user":
                prompt = hashed(self.key, flat(record["message"]["content"]))
                self.threads[name]["prompt"] = prompt
        thread = self.threads[name]
        if name != "main" and name not in self._placed:
            self._placed.add(name)
            plan = self._plan(record)
            began = thread.setdefault("began_us", micros(record["timestamp"]))
            if name not in plan["agents"]:
                thread.setdefault("guessed", [])
            thread["turn"] = placed(self.path, name, plan, began, thread.get("prompt"))
        return thread

    def _made_good(self, name: str, plan: dict[str, Any]) -> Iterator[Item]:
        """What was told of a sub-agent by a guess, while it was still at work."""
        file = f"agent-{name}.jsonl"
        near = self.path.with_name(file), self.path.with_suffix("") / "subagents" / file
        for thread in (self.peek(path).get("threads", {}).get(name, {}) for path in near):
            for call in thread.get("guessed", ()):
                turn = turn_of_agent(name, plan, thread["began_us"], thread.get("prompt"))
                yield amend(call, **of_turn(turn))

    # --- what the user, or a tool, says ------------------------------------------------------
    def _user(self, record: Record) -> Iterator[Item]:
        thread, content = self._thread(record), record["message"]["content"]
        thread.pop("tries", None)  # none of them got through, and this is another request
        before, thread["asked_us"] = thread["asked_us"], micros(record["timestamp"])
        results = [b for b in content if b.get("type") == "tool_result"] if _listed(content) else []
        for block in results:
            yield from self._result(thread, block, record.get("toolDenialKind") in _STOPPED)
        yield from self._agent_id(record, results)
        said = flat(content) if not results else ""
        if said.startswith(_INTERRUPT):
            call = thread["call"]  # one that had come to its end was not what was stopped
            if call and call["end_us"] >= (before or 0) and not call.get("finished"):
                yield amend(call["id"], verifier="user")
        elif said and not _by_machine(record, said):
            yield from self._turn(thread, record)

    def _turn(self, thread: dict[str, Any], record: Record) -> Iterator[Item]:
        """A new turn; it becomes a task with its first call."""
        began, first = micros(record["timestamp"]), origin(record)
        name = str(record.get("promptId") or first.get("messageUuid") or record["uuid"])
        held = thread["turn"]
        if held and held["id"] == name:
            return
        yield from call_told(thread)
        yield from turn_ended(thread)
        self._plan(record)["turns"].append([began, name])
        trigger = None if str(record.get("entrypoint")).startswith("sdk") else "user"
        thread["turn"] = {
            "id": name,
            "task": {
                "type": "task",
                "id": name,
                "start_us": began,
                "session": first.get("sessionId") or record.get("sessionId"),
                "project": self.memory.get("project"),
                "trigger": trigger,
            },
        }

    def _result(self, thread: dict[str, Any], block: Record, stopped: bool) -> Iterator[Item]:
        asked, said = block.get("tool_use_id"), flat(block.get("content"))
        failed = bool(block.get("is_error"))
        thread["results"].append(result(self.key, asked, said, failed))
        words = said.removeprefix(_REFUSED)
        check = verifier(words.removeprefix("Error: ")) if failed else None
        call = thread["call"]
        made = call["tool_calls"] if check and call and not stopped else ()
        mute = _mute(check, words != said)
        if any(one["id"] == asked and one["name"] not in mute for one in made):
            yield amend(call["id"], verifier=check)

    def _agent_id(self, record: Record, results: list[Record]) -> Iterator[Item]:
        """The id of the sub-agent that a tool call started, which its result tells."""
        told = record.get("toolUseResult")
        if isinstance(told, dict) and told.get("agentId") and results:
            plan, name = self._plan(record), str(told["agentId"])
            plan["agents"].setdefault(name, results[0].get("tool_use_id"))
            yield from self._made_good(name, plan)

    # --- what the API says ---
    def _failed(self, record: Record) -> None:
        """A try of the request whose answer comes next, and when the one after it was made."""
        wait_us = int(1000 * (record.get("retryInMs") or 0))
        tries = self._thread(record).setdefault("tries", {})
        tries[str(record.get("uuid"))] = micros(record["timestamp"]) + wait_us

    # --- what the model says -------------------------------------------------------------------
    def _answer(self, record: Record) -> Iterator[Item]:
        thread, message = self._thread(record), record["message"]
        if message.get("usage") is None:
            return
        if micros(record["timestamp"]) <= (thread["turn"] or {}).get("since", 0):
            thread["results"] = []
            return  # a copy of what was said before the agent was started
        call, names = thread["call"], names_of(record)
        name = key_of(names, record)
        if call is None or not (call["id"] == name or same(call["names"], names)):
            yield from call_told(thread)
            if helps(record) and thread["asked_us"]:  # it may begin with lines of earlier turns
                at = thread["began_us"] = thread["asked_us"]
                thread["turn"] = turn_of_agent(str(record["agentId"]), self._plan(record), at, None)
            yield from turn_begun(thread["turn"])
            call = _begun(thread, name, names)
        call["names"] = united(call["names"], names)
        call["apart"] = [f"{call['id']}/{number}" for number, *_ in apart(message["usage"] or {})]
        call["end_us"] = micros(record["timestamp"])
        call["finished"], call["new"] = bool(message.get("stop_reason")), True
        for block in message["content"] if _listed(message["content"]) else ():
            if block.get("type") in ("tool_use", "server_tool_use"):
                self._tool(thread, block, record)

    def _tool(self, thread: dict[str, Any], block: Record, record: Record) -> None:
        call, name = thread["call"], block.get("name")
        made = ran(self.key, block.get("id"), name, block)
        if made in call["tool_calls"]:  # a transcript that repeats a line
            return
        call["tool_calls"].append(made)
        if name in _STARTS_AGENTS:
            told, at = block.get("input") or {}, micros(record["timestamp"])
            prompt = hashed(self.key, str(told.get("prompt")))
            started = [at, call["id"], block.get("id"), told.get("subagent_type"), prompt]
            self._plan(record)["started"].append(started)


def _begun(thread: dict[str, Any], name: str, names: Names) -> dict[str, Any]:
    """The thread's next call, which takes with it what was said before it."""
    call = thread["call"] = {
        "id": name,
        "names": names,
        "tries": thread.pop("tries", None),
        "tool_calls": [],
        "tool_results": thread["results"],
        "asked_us": thread["asked_us"],
    }
    thread["results"], thread["asked_us"] = [], None
    if "guessed" in thread:
        thread["guessed"].append(name)
    return call


def _listed(content: Any) -> bool:
    return isinstance(content, list) and all(isinstance(block, dict) for block in content)


def _by_machine(record: Record, said: str) -> bool:
    """True for what stands in the user's place but was not typed by them."""
    written = any(record.get(name) for name in ("isMeta", "isCompactSummary", "isSidechain"))
    return written or said.startswith(_OURS)


def _mute(check: str | None, own_words: bool) -> tuple[str, ...]:
    """The tools of whose results such a verdict is none."""
    if check == "user":
        return _WAITS
    return () if own_words else _SHELLS
