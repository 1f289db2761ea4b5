"""Tool-call avalanche or loop: the same tool call again and again, or very many of them.

Rules: the same (tool, arguments, result) four times; the same error three times; two calls
taking turns three times over; or more tool calls than nine in ten tasks' worst (robust z on
logs above 3.5). Repeats are weak evidence of failure: the confidence says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from finops_pack.forensics._runs import Population, Run, because
from finops_pack.model import Call, Finding
from finops_pack.sessions import tool_results
from finops_pack.stats import Usual

MODE = "tool_avalanche"
SAME_RESULT = 4
SAME_ERROR = 3
TURNS = 6
MINIMUM_TOOL_CALLS = 10


class Use(NamedTuple):
    """One use of a tool: the call that asked, and what came of it."""

    call: Call
    name: str
    args: str
    result: str | None
    failed: bool


def find(run: Run, population: Population) -> Iterable[Finding]:
    """At most one finding a task: its strongest sign."""
    sign = next(_signs(_uses(run), population.tool_calls), None)
    if sign:
        yield _finding(run, population, *sign)


def _finding(
    run: Run, population: Population, cause: str, uses: Sequence[Use], confidence: float
) -> Finding:
    calls = {use.call.id: use.call for use in uses}
    usd = sum((call.amount_usd for call in calls.values()), Decimal(0))
    return Finding(
        category=MODE,
        title=because(run, population, cause, usd),
        calls=tuple(calls),
        usd=usd,
        basis="estimated",
        confidence=confidence,
        evidence=(f"{len(uses)} tool calls in {len(calls)} model calls: {_names(uses)}",),
        mend="stop a run that repeats itself, cap tool calls a turn, and return errors that "
        "say what to do instead",
        task=run.id,
        unknown_tokens=sum(c.input_tokens for c in calls.values() if c.unpriced),
    )


def _signs(uses: Sequence[Use], usual: Usual | None) -> Iterator[tuple[str, Sequence[Use], float]]:
    known = [use for use in uses if use.result]
    by_error = _repeats((u for u in known if u.failed), lambda u: (u.name, u.result))
    if len(by_error) >= SAME_ERROR:
        yield f"“{by_error[0].name}” gave the same error {len(by_error)} times", by_error, 0.9
    same = _repeats(known, lambda u: (u.name, u.args, u.result))
    if len(same) >= SAME_RESULT:
        yield f"“{same[0].name}” gave the same result {len(same)} times", same[1:], 0.8
    turns = _turns(uses)
    if turns:
        one, other, rounds = turns[0].name, turns[1].name, len(turns) // 2
        pair = f"“{one}” and “{other}”" if one != other else f"two calls of “{one}”"
        yield f"{pair} took turns {rounds} times", turns, 0.7
    many = len(uses) >= MINIMUM_TOOL_CALLS
    if usual and many and usual.exceeded(len(uses)):
        cause = f"it made {len(uses)} tool calls (usually {usual.median:.0f})"
        yield cause, uses[round(usual.median) :], 0.5


def _uses(run: Run) -> list[Use]:
    uses = []
    for call, results in zip(run.calls, tool_results(run.calls), strict=True):
        for asked in call.tool_calls:
            result = results.get(str(asked.get("id")), asked)
            failed = result.get("status") == "error"
            name, args = str(asked.get("name") or "?"), str(asked.get("args_hash") or "")
            uses.append(Use(call, name, args, result.get("result_hash"), failed))
    return uses


def _repeats(uses: Iterable[Use], key: Any) -> list[Use]:
    """The largest group of uses with the same key."""
    groups: dict[Any, list[Use]] = {}
    for use in uses:
        groups.setdefault(key(use), []).append(use)
    return max(groups.values(), key=len, default=[])


def _turns(uses: Sequence[Use]) -> list[Use]:
    """A run of A B A B … of at least six uses, the same calls each time."""
    keys = [(use.name, use.args) for use in uses]
    start = 0
    for place in range(2, len(uses) + 1):
        if place < len(uses) and keys[place] == keys[place - 2] != keys[place - 1]:
            continue
        if place - start >= TURNS and keys[start] != keys[start + 1]:
            return list(uses[start:place])
        start = place - 1
    return []


def _names(uses: Sequence[Use]) -> str:
    counts = Counter(use.name for use in uses).most_common(3)
    return ", ".join(f"{name} ×{count}" for name, count in counts)
