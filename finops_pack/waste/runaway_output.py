"""Runaway output: answers far longer than such answers are.

lost = max(0, output − median·e^(3.5σ)) × output price, for answers that were cut off at the limit
or are longer than the longest of so many answers by chance (`stats.surprising_z`); median and σ
(1.4826 × MAD) of the logarithm of output tokens, by action, from at least 20 answers. Only the
excess counts, so a long answer that was wanted costs little here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from finops_pack.figures import tokens, usd
from finops_pack.model import Call, Finding
from finops_pack.stats import ROBUST_Z, Usual, surprising_z
from finops_pack.waste._ground import Ground
from finops_pack.waste._outputs import Long

CATEGORY = "runaway_output"
ORDER = 60
MINIMUM_TOKENS = 2000  # below that nobody would call an answer runaway
MEND = "set max_tokens, ask for a shorter form, or lower the reasoning effort"


def find(calls: Sequence[Call], ground: Ground) -> Iterable[Finding]:
    """Nothing yet: the answers are only noted, since what is usual shows at the end."""
    for call in calls:
        ground.outputs.see(call)
        if call.output_tokens >= MINIMUM_TOKENS:
            ground.outputs.keep(_long(call, ground))
    return ()


def _long(call: Call, ground: Ground) -> Long:
    return Long(
        call.output_tokens,
        call.id,
        call.source,
        call.action or "",
        call.start_us,
        call.task,
        call.cut_off,
        call.reasoning_tokens,
        ground.paid(call, "output"),
        ground.taken.left(call),
    )


def finish(ground: Ground) -> Iterator[Finding]:
    """One finding an answer that ran away."""
    for long, usual in ground.outputs.longest():
        limit = usual.median * math.exp(ROBUST_Z * usual.spread)
        excess = max(0, long.tokens - math.ceil(limit))
        paid = min(long.left, excess * long.usd_per_token)
        if paid and (long.cut or _surprising(long, usual)):
            yield _finding(long, usual, excess, paid)


def _surprising(long: Long, usual: Usual) -> bool:
    return usual.z(long.tokens) > surprising_z(usual.count)


def _finding(long: Long, usual: Usual, excess: int, paid: Decimal) -> Finding:
    cut = ", cut off at the limit" if long.cut else ""
    normal = tokens(round(usual.median))
    return Finding(
        category=CATEGORY,
        title=f"an answer of {tokens(long.tokens)} tokens{cut}, usually {normal}",
        calls=(long.call,),
        usd=paid,
        basis="estimated",
        confidence=0.9 if long.cut else 0.7,
        evidence=(
            f"call {long.call}: {tokens(long.tokens)} output tokens, of them "
            f"{tokens(long.reasoning)} reasoning; the median of {usual.count:,} such answers is "
            f"{normal}",
            f"{tokens(excess)} tokens beyond 3.5 robust deviations: {usd(paid)}",
        ),
        mend=MEND,
        task=long.task,
    )
