"""Unused context against labels: each set judged by models that never saw it, with intervals."""

from __future__ import annotations

import random
from math import exp
from typing import NamedTuple

from bench._context_sets import READERS, Example, examples
from bench.fit_unused import fit, rows
from finops_pack.sketch import _unused, unused_probability
from finops_pack.stats import quantile, ranks

NAMED = 0.9
ROUNDS = 500
Judged = list[list[tuple[float, bool]]]  # by example: (probability, truly unused)


class Quality(NamedTuple):
    """AUC, precision where p > 0.9 (None when nothing is named), expected and true share."""

    auc: float
    precision: float | None
    named: int
    expected: float
    true: float


def quality(judged: Judged) -> Quality:
    """The figures over all segments of these examples."""
    flat = [pair for example in judged for pair in example]
    named = [unused for p, unused in flat if p > NAMED]
    return Quality(
        auc([p for p, _ in flat], [unused for _, unused in flat]),
        sum(named) / len(named) if named else None,
        len(named),
        sum(p for p, _ in flat) / len(flat),
        sum(unused for _, unused in flat) / len(flat),
    )


def auc(scores: list[float], truth: list[bool]) -> float:
    """The chance that an unused segment scores above a used one."""
    positive = sum(truth)
    negative = len(truth) - positive
    ranked = sum(rank for rank, unused in zip(ranks(scores), truth, strict=True) if unused)
    return (ranked - positive * (positive + 1) / 2) / (positive * negative)


def left_out(name: str) -> Judged:
    """This set as judged by models fitted on the other sets alone."""
    models = [fit(examples(other)) for other in READERS if other != name]

    def judge(example: Example) -> list[tuple[float, bool]]:
        scores = (min(_unused.logit(model, row) for model in models) for row in rows(example))
        return [(1 / (1 + exp(-s)), u) for s, u in zip(scores, example.unused, strict=True)]

    return [judge(example) for example in examples(name)]


def shipped(name: str) -> Judged:
    """This set as the shipped function judges it."""
    return [
        list(zip(unused_probability(e.segments, e.answer, e.question), e.unused, strict=True))
        for e in examples(name)
    ]


def distracted(name: str) -> Judged:
    """The same beside as many passages of other questions: retrieval that brought in too much."""
    rng = random.Random(1)
    known, judged = examples(name), []
    for example in known:
        others = [text for other in known if other is not example for text in other.segments]
        more = rng.sample(others, len(example.segments))
        found = unused_probability([*example.segments, *more], example.answer, example.question)
        judged.append(list(zip(found, [*example.unused, *[True] * len(more)], strict=True)))
    return judged


def interval(judged: Judged) -> tuple[float, float]:
    """95 % interval of the AUC, whole examples resampled."""
    rng = random.Random(0)
    drawn = []
    for _ in range(ROUNDS):
        sample = rng.choices(judged, k=len(judged))
        labels = {unused for example in sample for _, unused in example}
        if len(labels) == 2:
            drawn.append(quality(sample).auc)
    return quantile(drawn, 0.025), quantile(drawn, 0.975)


KINDS = {"of others": left_out, "shipped": shipped, "distracted": distracted}


def main() -> None:
    print(
        f"{'set':<16} {'models':<12} AUC (95 % interval)   p>.9: P (n)   unused share: ours, true"
    )
    for name in READERS:
        for kind, judge in KINDS.items():
            judged = judge(name)
            q, (low, high) = quality(judged), interval(judged)
            precision = "none named" if q.precision is None else f"{q.precision:.3f} ({q.named})"
            print(
                f"{name:<16} {kind:<12} {q.auc:.3f} ({low:.3f}–{high:.3f})   {precision:>12}"
                f"   {q.expected:.3f}, {q.true:.3f} ({(q.expected - q.true) * 100:+.1f} points)"
            )


if __name__ == "__main__":
    main()
