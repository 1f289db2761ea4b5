"""Model verbosity: an answer far longer than such answers are, or cut off at the limit.

Rule: robust z of the log of output tokens above 3.5 for its action, or a finish reason of
`length` above the usual; at least 500 tokens. The dollars are the excess over the median.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from finops_pack.figures import tokens
from finops_pack.forensics._runs import Population, Run, because
from finops_pack.model import Call, Finding
from finops_pack.stats import Usual

MODE = "verbosity"
MINIMUM_TOKENS = 500


def find(run: Run, population: Population) -> Iterable[Finding]:
    """One finding an answer that ran away."""
    for place, call in enumerate(run.calls):
        usual = population.output(call)
        if usual is not None and _runaway(call, usual):
            yield _finding(run, place, call, usual, population)


def _runaway(call: Call, usual: Usual) -> bool:
    if call.output_tokens < MINIMUM_TOKENS or call.output_tokens <= usual.median:
        return False
    return call.cut_off or usual.exceeded(call.output_tokens)


def _finding(run: Run, place: int, call: Call, usual: Usual, population: Population) -> Finding:
    excess = call.output_tokens - round(usual.median)
    ending = ", cut off at the limit" if call.cut_off else ""
    usd = excess * (population.prices.paid(call, "output") or Decimal(0))
    cause = f"step {place + 1} answered with {tokens(call.output_tokens)} tokens{ending}"
    return Finding(
        category=MODE,
        title=because(run, population, cause, usd),
        calls=(call.id,),
        usd=usd,
        basis="estimated",
        confidence=0.9 if call.cut_off else 0.7,
        evidence=(
            f"call {call.id}: {tokens(call.output_tokens)} output tokens, of them "
            f"{tokens(call.reasoning_tokens)} reasoning; the usual is {tokens(usual.median)} "
            f"(n = {usual.count})",
        ),
        mend="set max_tokens, ask for a shorter form, or lower the reasoning effort",
        task=run.id,
        unknown_tokens=excess if call.unpriced else 0,
    )
