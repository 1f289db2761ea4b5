"""Repeats: a call that only asked a tool for what the agent had already been told.

Rule: every tool call of an answer has the same name, arguments and result as an earlier one of
the same agent's conversation, and no tool that changes things ran between. Whether a shell or an
unnamed tool changed anything cannot be seen: repeats across those are counted as an upper bound
(`estimated`, with what is proven as the low end), and so is a write that is told again itself: what
it does twice may be wanted. Repeats across a known write, a repeated one too, are not counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from finops_pack.figures import count, usd
from finops_pack.model import Call, Finding
from finops_pack.sessions import threads, tool_results
from finops_pack.waste._ground import Ground
from finops_pack.waste._say import named, one_task, some

CATEGORY = "repeat_calls"
ORDER = 30
WRITES = {
    "write", "edit", "create", "delete", "remove", "update", "patch", "apply", "insert", "replace",
    "move", "rename", "commit", "send", "save", "upload", "put", "post", "set", "add", "modify",
    "append", "cancel", "submit", "publish", "push", "pay", "buy", "click", "press", "scroll",
}  # fmt: skip
READS = {
    "read", "get", "list", "search", "find", "fetch", "query", "view", "grep", "glob", "look",
    "lookup", "retrieve", "retriever", "show", "describe", "open", "cat",
}  # fmt: skip
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
MEND = "keep results within a task (a cache at the tool), and say in the prompt what is known"

Use = tuple[str, str, str]  # tool, hash of its arguments, hash of its result


class Repeat(NamedTuple):
    """A call that only repeated, the call it repeated, and whether nothing can have changed."""

    call: Call
    before: Call
    tool: str
    proven: bool


class _Past:
    """What has been told in a conversation, and when something last changed or may have."""

    def __init__(self) -> None:
        self.told: dict[Use, tuple[int, Call]] = {}
        self.changed = self.touched = -1


def find(calls: Sequence[Call], ground: Ground) -> Iterable[Finding]:
    """At most one finding a session."""
    paid = [(r, ground.taken.claim(r.call)) for r in _repeats(calls)]
    paid = [(r, amount) for r, amount in paid if amount]
    if paid:
        yield _finding(paid)


def _repeats(calls: Sequence[Call]) -> Iterator[Repeat]:
    results = tool_results(calls)
    pasts: dict[int, _Past] = {}
    for place, (call, thread) in enumerate(zip(calls, threads(calls), strict=True)):
        uses = [_use(asked, results[place]) for asked in call.tool_calls]
        past = pasts.setdefault(thread, _Past())
        known = [use for use in uses if use is not None]
        found = [past.told[use] for use in known if use in past.told]
        if uses and len(found) == len(uses):
            first = min(found, key=lambda item: item[0])
            if past.changed <= first[0]:
                proven = past.touched <= first[0] and not any(_writes(use[0]) for use in known)
                yield Repeat(call, first[1], known[0][0], proven)
        for asked, use in zip(call.tool_calls, uses, strict=True):
            name = str(asked.get("name") or "")
            if use is None or use not in past.told or _writes(name):
                _note(past, name, place)
            if use is not None:
                past.told[use] = (place, call)


def _note(past: _Past, tool: str, place: int) -> None:
    if _writes(tool):
        past.changed = past.touched = place
    elif not _words(tool) & READS:
        past.touched = place


def _writes(tool: str) -> bool:
    return bool(_words(tool) & WRITES)


def _words(tool: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(tool)}


def _use(asked: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]]) -> Use | None:
    """The tool call with its result; None when either is not known."""
    told = results.get(str(asked.get("id")), asked).get("result_hash")
    if not asked.get("args_hash") or not told:
        return None
    return str(asked.get("name") or ""), str(asked["args_hash"]), str(told)


def _finding(paid: Sequence[tuple[Repeat, Decimal]]) -> Finding:
    total = sum((amount for _, amount in paid), Decimal(0))
    proven = sum((amount for r, amount in paid if r.proven), Decimal(0))
    return Finding(
        category=CATEGORY,
        title=f"{count(len(paid), 'call')} asked tools again for what was already known",
        calls=tuple(r.call.id for r, _ in paid),
        usd=total,
        usd_low=proven,
        usd_high=total,
        basis="measured" if proven == total else "estimated",
        confidence=0.9 if proven == total else 0.5,
        evidence=some(paid, _evidence),
        mend=MEND,
        task=one_task(r.call for r, _ in paid),
    )


def _evidence(paid: tuple[Repeat, Decimal]) -> str:
    repeat, amount = paid
    doubt = "" if repeat.proven else "; whether something changed between cannot be seen"
    return (
        f"{named(repeat.call)} asked “{repeat.tool or 'a tool'}” for what call "
        f"{repeat.before.id} had been told already, for {usd(amount)}{doubt}"
    )
