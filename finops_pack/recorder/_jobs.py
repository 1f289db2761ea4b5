"""What is left of a call to reduce, and what becomes of it: hashes, counts and sketches."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from finops_pack import forks
from finops_pack.recorder import _messages, _named, _verify
from finops_pack.recorder._estimate import tokens
from finops_pack.recorder._guard import warn_once

IDLE = 1800.0  # a session that was silent for so long is over
CALLS_KEPT = 20_000  # tool calls whose asking call is remembered


class Job(NamedTuple):
    """What a finished call leaves to reduce."""

    row: Mapping[str, Any]
    messages: Any
    tools: Any
    response: Any
    tool_calls: Iterable[Mapping[str, Any]]

    @property
    def call(self) -> str:
        """The call's id."""
        return str(self.row["id"])

    @property
    def task(self) -> str | None:
        """The task that it was made for."""
        return self.row.get("task")

    @property
    def session(self) -> str:
        """The session, else the task, else the call itself."""
        return self.row.get("session") or self.task or self.call

    @property
    def lasting(self) -> bool:
        """Whether more calls may come in this session."""
        return bool(self.row.get("session") or self.task) and self.task != self.call

    @property
    def source(self) -> str | None:
        """Whose ids these are; None: live."""
        return self.row.get("source")


Left = tuple[Mapping[str, Any], Any, Any, Any, Iterable[Mapping[str, Any]]]
"""The values of a `Job`, as the caller's thread leaves them."""


class Over(NamedTuple):
    """A session or task has ended."""

    session: str


class Ran(NamedTuple):
    """A tool was run: its seconds, for the result that will carry them in."""

    tool_call_id: str
    seconds: float
    failed: bool


class Reduction:
    """What jobs become, one after the other; works on one thread, and remembers between them."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._lines: list[dict[str, Any]] = []
        self._made: Any = None
        self._asked: OrderedDict[str, tuple[str, str | None]] = OrderedDict()
        self._ran: OrderedDict[str, Ran] = OrderedDict()
        self._seen: OrderedDict[str, float] = OrderedDict()

    def take(self, work: Left | Over | Ran) -> None:
        """Reduce a job; never raises."""
        try:
            if isinstance(work, Over):
                self._session_over(work.session)
            elif isinstance(work, Ran):
                _remember(self._ran, work.tool_call_id, work)
            else:
                self._call(Job(*work))
        except Exception as error:  # noqa: BLE001 - the row is safe; only its hashes are missing
            warn_once(f"a call could not be reduced ({type(error).__name__})", error)

    def lines(self) -> list[dict[str, Any]]:
        """What was found since it was last asked for."""
        lines, self._lines = self._lines, []
        return lines

    def sessions(self) -> list[str]:
        """Those still open."""
        return list(self._seen)

    def close_idle(self) -> None:
        """End the sessions in which nothing has happened for long."""
        limit = time.monotonic() - IDLE
        while self._seen and next(iter(self._seen.values())) < limit:
            self._session_over(next(iter(self._seen)))

    def _call(self, job: Job) -> None:
        fields = self._fields(job)
        for line in self._sketched(job):
            if line["type"] == "amend" and line["id"] == job.call:
                fields.update(line)
            else:
                self._lines.append(line)
        if fields:
            self._lines.append({**fields, **_amendment(job.call, job.source)})
        if job.lasting:
            _remember(self._seen, job.session, time.monotonic())
        else:
            self._session_over(job.session)

    def _sketched(self, job: Job) -> list[dict[str, Any]]:
        """Fingerprints of the prompt, and what the answer says of the segments before it."""
        try:
            pairs = _messages.pairs(job.messages)
            made = self._sketches.observe(job.call, job.session, job.task, pairs, job.tools)
            answer = _messages.text_of(job.response)
            made += self._sketches.answered(job.call, job.session, answer)
        except Exception as error:  # noqa: BLE001 - the row is safe; only its hashes are missing
            warn_once(f"a prompt could not be fingerprinted ({type(error).__name__})", error)
            return []
        return [dict(line) for line in made]

    def _fields(self, job: Job) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        if job.tool_calls:
            fields["tool_calls"] = [self._tool_call(job, call) for call in job.tool_calls]
        results = [self._result(found) for found in _messages.new_results(job.messages)]
        if results:
            fields["tool_results"] = results
        marks = _messages.breakpoints(job.messages, job.tools)
        if marks:
            fields["cache_breakpoints"] = len(marks)
            fields["cache_ttl"] = "1h" if "1h" in marks else marks[0]
        return fields

    def _tool_call(self, job: Job, asked: Mapping[str, Any]) -> dict[str, Any]:
        identity = asked.get("id")
        if identity:
            _remember(self._asked, str(identity), (job.call, job.source))
        arguments = hashed(self._key, _messages.arguments(asked))
        return {"id": identity, "name": asked.get("name"), "args_hash": arguments}

    def _result(self, found: dict[str, Any]) -> dict[str, Any]:
        identity, text = str(found["tool_call_id"]), found["text"]
        ran = self._ran.pop(identity, None)
        failed = found["failed"] or bool(ran and ran.failed)
        check = _verify.verifier(text) if failed or text.startswith("Error") else None
        asked = self._asked.get(identity)
        if check and asked:
            self._lines.append({"verifier": check, **_amendment(*asked)})
        result = {
            "tool_call_id": found["tool_call_id"],
            "result_hash": hashed(self._key, text),
            "status": "error" if failed or check else "ok",
            "tokens": tokens(text),
        }
        if check and not asked:  # another process asked: who reads the session puts it together
            result["verifier"] = check
        return {**result, "seconds": round(ran.seconds, 3)} if ran else result

    def _session_over(self, session: str) -> None:
        self._seen.pop(session, None)
        self._lines.extend(map(dict, self._sketches.close(session)))

    @property
    def _sketches(self) -> Any:
        if self._made is None:
            with forks.barred():
                from finops_pack import sketch

            self._made = sketch.Reducer(self._key, named=_named.named)
        return self._made


def hashed(key: bytes, text: str) -> str:
    """A keyed hash of a text: 16 hex digits, comparable under the same key only."""
    data = text.encode("utf-8", "replace")
    return hashlib.blake2b(data, key=key[:64], digest_size=8).hexdigest()


def _amendment(call: str, source: str | None) -> dict[str, Any]:
    """What says more of that call: one of another source would never find it."""
    line = {"type": "amend", "id": call}
    return line if source is None else {**line, "source": source}


def _remember(memory: OrderedDict[str, Any], key: str, value: Any) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > CALLS_KEPT:
        memory.popitem(last=False)
