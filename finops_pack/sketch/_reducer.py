"""Prompts become hashes, counts and sketches; sketches become scores when their session closes.

Works on one thread, the recorder's own. What was read once in a session is not read again.
Nothing of a text leaves: lines carry counts, scores and keyed hashes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from finops_pack.sketch import _documents, _sources
from finops_pack.sketch._prefix import Digest, chained, digest, name
from finops_pack.sketch._session import Entry, Held, Session
from finops_pack.sketch._words import Sketch, pieces, sketch

Line = dict[str, Any]
Named = Sequence[tuple[str, str]]  # names and texts of the sources that the user named
SCORED = ("tool_result", "retrieved")
MEMORY = 64 * 2**20  # bytes of sketches held at most; the session idle longest goes first


class Reducer:
    """Reduces the calls of this process; `key` is the key of all hashes.

    A segment's id is the keyed hash of its text, a dot, and a mark of this process: a session
    in which two marks occur was shared, and nobody can say what was unused in it. What `named`
    gives is held as segments of its own, `memory`, in cuts that stay where their lines do; it is
    not scored, since it instructs as often as it tells.
    """

    def __init__(self, key: bytes, *, named: Callable[[], Named] = list) -> None:
        self._key = hashlib.blake2b(key, digest_size=32).digest()
        self._mark = os.urandom(3).hex()
        self._named = named
        self._size = 0
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def observe(
        self,
        call_id: str,
        session: str,
        task: str | None,
        messages: Sequence[tuple[str, str]],
        tools: Any,
    ) -> list[Line]:
        """A call and its prompt, (kind, text) pairs; tools are (name, JSON) pairs or schemas.

        Gives the amendment of the call, and segments that were not spoken of before.
        """
        state = self._session(session)
        size, place = state.size, state.begin(call_id)
        reader = _Reading(self, state, call_id, task, place)
        schemas = _schemas(tools)
        entries = [reader.entry("tool_schema", text, tool) for tool, text in schemas]
        entries += [reader.entry(kind, text) for kind, text in messages]
        state.hold(entries, call_id, place)
        kinds = ["tool_schema"] * len(schemas) + [kind for kind, _ in messages]
        parts = [(kind, entry.digest) for kind, entry in zip(kinds, entries, strict=True)]
        self._size += state.size - size
        line = self._amendment(call_id, parts, len(schemas))
        return [line, *state.untold(place), *self._evict()]

    def _amendment(self, call_id: str, parts: list[tuple[str, Digest]], schemas: int) -> Line:
        line: Line = {"type": "amend", "id": call_id}
        if parts:
            line["request_hash"], line["prefix_hashes"] = chained(parts, self._key)
        if schemas:
            line["tool_schema_tokens"] = sum(part.tokens for _, part in parts[:schemas])
        return line

    def answered(self, call_id: str, session: str, text: str) -> list[Line]:
        """The answer to an observed call, tool calls included as text; empty when it failed."""
        state = self._sessions.get(session)
        if state is None or not text:
            return []
        size = state.size
        state.answer(call_id, sketch(text, self._key))
        self._size += state.size - size
        said = name(digest(text, self._key), self._key)
        return [{"type": "amend", "id": call_id, "response_hash": said}]

    def close(self, session: str) -> list[Line]:
        """The session is over: its segments, scored; it is forgotten."""
        return self._forget(session).lines(scored=True) if session in self._sessions else []

    def _session(self, session: str) -> Session:
        if session not in self._sessions:
            self._sessions[session] = Session(session)
            self._size += self._sessions[session].size
        self._sessions.move_to_end(session)
        return self._sessions[session]

    def _forget(self, session: str) -> Session:
        state = self._sessions.pop(session)
        self._size -= state.size
        return state

    def _evict(self) -> list[Line]:
        """Cut off the sessions idle longest until what is held fits into memory."""
        lines: list[Line] = []
        while self._size > MEMORY:
            lines += self._forget(next(iter(self._sessions))).lines(scored=False)
        return lines


class _Reading:
    """What it takes to read one prompt into a session."""

    def __init__(
        self, reducer: Reducer, state: Session, call_id: str, task: str | None, place: int
    ) -> None:
        self._key, self._mark, self._sources = reducer._key, reducer._mark, reducer._named
        self._state, self._call, self._task, self._place = state, call_id, task, place

    def entry(self, kind: str, text: str, tool: str | None = None) -> Entry:
        """The entry of a text, read only when it is new to the session."""
        known = self._state.known
        key = (kind, hash(text), len(text))
        if key not in known:
            known[key] = self._read(kind, text, tool)
            self._state.size += 400
        return known[key]

    def _read(self, kind: str, text: str, tool: str | None) -> Entry:
        digested = digest(text, self._key)
        if kind == "tool_schema":
            return Entry(digested, (self._hold(kind, digested, (), tool),))
        if kind == "assistant":
            said = sketch(text, self._key)
            return Entry(digested, foreign=not self._state.witnessed(said))
        held, rest = self._named(text)
        if kind in SCORED:
            whole = digest(rest, self._key) if held else digested
            return Entry(digested, (*held, self._hold(kind, whole, pieces(rest, self._key))))
        documents, rest = _documents.split(rest)
        if kind == "user":
            self._ask(sketch(rest, self._key))
        found = [
            self._hold("retrieved", digest(part, self._key), pieces(part, self._key))
            for part in documents
        ]
        return Entry(digested, (*held, *found))

    def _named(self, text: str) -> tuple[list[str], str]:
        """The segments of the named sources that stand in a text, and the text without them."""
        held: list[str] = []
        for source, body in self._sources():
            before, found, after = text.partition(body)
            if found:
                text = f"{before}\n{after}"
                held += [self._memory(source, cut) for cut in _sources.cuts(body)]
        return held, text

    def _memory(self, source: str, cut: str) -> str:
        whose = digest(f"{source}\n{cut}", self._key)  # the same line in two sources is two
        size = digest(cut, self._key).size
        return self._hold("memory", whose._replace(size=size), (), source)

    def _ask(self, question: Sketch) -> None:
        self._state.asked.append(question)
        self._state.size += question.size

    def _hold(
        self, kind: str, digested: Digest, parts: Sequence[Sketch], source: str | None = None
    ) -> str:
        segment = f"{name(digested, self._key)}.{self._mark}"
        if segment not in self._state.held:
            self._state.held[segment] = Held(
                segment, kind, digested.tokens, parts, source, self._task,
                self._call, self._call, self._place, self._place,
            )  # fmt: skip
            self._state.size += 300 + sum(part.size for part in parts)
        return segment


def _schemas(tools: Any) -> list[tuple[str, str]]:
    """Tools as (name, JSON) pairs, whatever shape they came in."""
    if not isinstance(tools, Iterable) or isinstance(tools, str | bytes | Mapping):
        return []
    return [_schema(tool) for tool in tools]


def _schema(tool: Any) -> tuple[str, str]:
    if isinstance(tool, tuple) and len(tool) == 2:
        return str(tool[0]), str(tool[1])
    if not isinstance(tool, Mapping):  # an object's other fields differ from run to run
        label = str(getattr(tool, "name", None) or "?")
        return label, f"{label}: {getattr(tool, 'description', '')}"
    function = tool.get("function")
    inner = function if isinstance(function, Mapping) else tool
    label = str(inner.get("name") or tool.get("type") or "?")
    return label, json.dumps(tool, sort_keys=True, default=str)
