"""Input explosion: a step brought in far more new input than such steps do (DB dump, long log).

Rule: robust z of the log of new input tokens above 3.5 for its action, at least 2,000 tokens; a
task's first step, which brings in the instructions, is compared with other first steps.
The dollars are the excess over the usual step, in every later call of the task that still
carried it, at the price each paid for its input.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from finops_pack.figures import count, tokens
from finops_pack.forensics._runs import Population, Run, because
from finops_pack.model import Call, Finding

MODE = "input_explosion"
MINIMUM_TOKENS = 2000
CERTAIN_Z = 7.0


def find(run: Run, population: Population) -> Iterable[Finding]:
    """One finding a step that exploded."""
    for place, step in enumerate(run.steps):
        call, new, usual = step.call, step.new, population.new_input(step)
        if new < MINIMUM_TOKENS or usual is None or not usual.exceeded(new):
            continue
        excess = new - round(usual.median)
        carried = _carriers(run, place)
        usd = sum((population.prices.input_paid(c, excess) for c in carried), Decimal(0))
        cause = f"{_culprit(run, call, new)} entered at step {place + 1}"
        yield Finding(
            category=MODE,
            title=because(run, population, cause, usd),
            calls=tuple(c.id for c in carried),
            usd=usd,
            basis="estimated",
            confidence=0.8 if usual.z(new) < CERTAIN_Z else 0.9,
            evidence=(
                f"call {call.id}: {tokens(new)} new input tokens; the usual is "
                f"{tokens(usual.median)} (n = {usual.count})",
                f"{count(len(carried), 'call')} carried them",
            ),
            mend="cut, page or summarise such results before they enter the context",
            task=run.id,
            unknown_tokens=sum(excess for c in carried if c.unpriced),
        )


def _carriers(run: Run, place: int) -> list[Call]:
    """The call and those after it, until the prompt shrank below it."""
    first, thread = run.calls[place], run.threads[place]
    carried = []
    for call, of in zip(run.calls[place:], run.threads[place:], strict=True):
        if (of, call.model) != (thread, first.model):
            continue
        if call.input_tokens < first.input_tokens:
            break
        carried.append(call)
    return carried


def _culprit(run: Run, call: Call, new: int) -> str:
    largest = max(call.tool_results, key=lambda r: r.get("tokens") or 0, default={})
    size = largest.get("tokens") or 0
    if size < new / 2:
        return f"{tokens(new)} new input tokens"
    name = largest.get("name") or _asked(run, largest.get("tool_call_id"))
    of = f" of “{name}”" if name else ""
    return f"one tool result{of} of {tokens(size)} tokens"


def _asked(run: Run, tool_call: str | None) -> str | None:
    """The tool that was asked for by this id: an earlier call of the task says so."""
    asked = (use for call in run.calls for use in call.tool_calls if use.get("id") == tool_call)
    return next((use.get("name") for use in asked), None) if tool_call else None
