"""Recovery: what was spent to mend an answer that a verifier rejected.

Rule: the calls of the same conversation and task that follow a rejected answer until one is
answered, at most three; one that is rejected in turn begins anew, and one that failed in passing
is passed over: it is no mend but an attempt at one (`retries`). Where some of the tools that an
answer asked for were refused and the others answered, their share of these calls is counted,
estimated. Only verifier events count, never the likeness of texts. Two subtypes are kept apart:
`format` (did not parse or fit the schema) and `factual` (named a tool, argument, passage, file or
id that does not exist, or was refused by a guardrail or corrected by the user). A failing test or
command is exploration, not an event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple

from finops_pack.figures import count, usd
from finops_pack.model import Call, Finding
from finops_pack.sessions import threads, tool_results
from finops_pack.waste._ground import Ground
from finops_pack.waste._say import named, one_task, some
from finops_pack.waste.retries import failed_in_passing

CATEGORY = "hallucination_recovery"
ORDER = 20
LONGEST = 3
CORRECTED = object()
Thread = tuple[object, object]
SUBTYPES = {
    "schema": "format",
    "format": "format",
    "tool": "factual",
    "edit": "factual",
    "missing": "factual",
    "guardrail": "factual",
    "user": "factual",
}
REJECTED = {
    "schema": "did not fit the schema",
    "format": "was not in the form asked for",
    "tool": "called a tool or argument that does not exist",
    "edit": "quoted text that is not in the file",
    "missing": "named a file or id that does not exist",
    "guardrail": "was refused by a guardrail",
    "user": "was corrected by the user",
}
_FORM = (
    "use the provider's structured output, show one example of the form, or let a "
    "parser repair what it can before asking again"
)
_NAMES = "list the valid names in the prompt, or let the tool's error say which ones exist"
MENDS = {
    "schema": _FORM,
    "format": _FORM,
    "tool": _NAMES,
    "edit": "let the tool's error show the lines as they stand, or read the file before an edit",
    "missing": _NAMES,
    "guardrail": "tell the model the guardrail's rule before it answers",
    "user": "write down for the agent what users correct, e.g. in its memory file",
}


class Recovery(NamedTuple):
    """A rejected answer, a call that was spent on mending it, and what part of that call."""

    rejected: Call
    call: Call
    share: Decimal


def find(calls: Sequence[Call], ground: Ground) -> Iterable[Finding]:
    """At most one finding a session and subtype."""
    recoveries = list(_recoveries(_checked(calls)))
    for subtype in ("format", "factual"):
        mine = [r for r in recoveries if SUBTYPES.get(_verifier(r), "factual") == subtype]
        paid = [(r, ground.taken.claim(r.call, r.share * r.call.amount_usd)) for r in mine]
        spent = [(r, amount) for r, amount in paid if amount or not r.call.amount_pico]
        if spent:
            yield _finding(subtype, spent)


def _checked(calls: Sequence[Call]) -> Sequence[Call]:
    """The calls with what another process, which sent the tool's result, heard of them."""
    if not any(result.get("verifier") for call in calls for result in call.tool_results):
        return calls
    checks = (
        next((str(r["verifier"]) for r in results.values() if r.get("verifier")), None)
        for results in tool_results(calls)
    )
    return [
        replace(call, verifier=check) if check and not call.verifier else call
        for call, check in zip(calls, checks, strict=True)
    ]


def _recoveries(calls: Sequence[Call]) -> Iterator[Recovery]:
    open_: dict[Thread, tuple[Call, int, Decimal]] = {}
    for call, thread, results in zip(calls, threads(calls), tool_results(calls), strict=True):
        if failed_in_passing(call):
            continue
        own: Thread = (thread, call.task)
        anew: Thread = (call.agent, CORRECTED)  # the user's correction may be a task of its own
        corrected, rejected = open_.pop(anew, None), open_.pop(own, None)
        event = corrected or rejected
        if event is not None:
            yield Recovery(event[0], call, event[2])
        if call.verifier:
            open_[anew if call.verifier == "user" else own] = (call, 0, _share(call, results))
        elif event is not None and call.status != "ok" and event[1] + 1 < LONGEST:
            open_[own] = (event[0], event[1] + 1, event[2])


def _share(rejected: Call, results: Mapping[str, Mapping[str, Any]]) -> Decimal:
    """How much of what the answer asked for was refused: the call after it carries on the rest."""
    told = list(results.values())
    refused = sum(bool(r.get("status") == "error" or r.get("verifier")) for r in told)
    in_part = 0 < refused < len(told) == len(rejected.tool_calls) and rejected.verifier != "user"
    return Decimal(refused) / len(told) if in_part else Decimal(1)


def _verifier(recovery: Recovery) -> str:
    return recovery.rejected.verifier or ""


def _why(recovery: Recovery) -> str:
    return REJECTED.get(_verifier(recovery), f"was rejected ({_verifier(recovery)})")


def _finding(subtype: str, paid: Sequence[tuple[Recovery, Decimal]]) -> Finding:
    calls = {r.call.id: r.call for r, _ in paid}
    events = {r.rejected.id: r.rejected for r, _ in paid}
    checks = Counter(_verifier(r) for r, _ in paid)
    commonest = max(sorted(checks), key=lambda check: checks[check])
    return Finding(
        category=CATEGORY,
        subtype=subtype,
        title=f"{count(len(events), 'rejected answer')} ({', '.join(sorted(checks))}) took "
        f"{count(len(calls), 'call')} to mend",
        calls=tuple(calls),
        usd=sum((amount for _, amount in paid), Decimal(0)),
        basis="measured" if all(r.share == 1 for r, _ in paid) else "estimated",
        confidence=0.9,
        evidence=some(paid, _evidence),
        mend=MENDS.get(commonest, _NAMES),
        task=one_task(calls.values()),
        unknown_tokens=sum(call.input_tokens for call in calls.values() if call.unpriced),
    )


def _evidence(paid: tuple[Recovery, Decimal]) -> str:
    recovery, amount = paid
    after = recovery.call
    cost = "has no price" if after.unpriced else f"cost {usd(amount)}"
    event = f"the answer of {named(recovery.rejected)} {_why(recovery)}"
    share = f": {recovery.share:.0%} of it, as its other tools were answered"
    return f"{event}; call {after.id} after it {cost}{share if recovery.share < 1 else ''}"
