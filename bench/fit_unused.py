"""Fit the models of unused context, one a labelled set, and write `sketch/model.json`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from statistics import fmean, pstdev

import finops_pack.sketch
from bench._context_sets import READERS, Example, examples
from finops_pack.sketch import _unused, _words

RIDGE = 2.0  # on standardised features, against 200 weighted examples a set
WEIGHT = 200.0
ROUNDS = 50
MODEL = Path(finops_pack.sketch.__file__).parent / "model.json"


def rows(example: Example) -> list[_unused.Features]:
    """The features of each segment of an example, each judged as one piece."""
    held = [_unused.Piece(_words.sketch(text)) for text in example.segments]
    answer, question = _words.sketch(example.answer), _words.sketch(example.question)
    [found] = _unused.evidence(held, [answer], question)
    return [found.get(place, _unused.NOTHING) for place in range(len(held))]


def fit(data: list[Example]) -> _unused.Model:
    """Ridge logistic regression by Newton's method; on features as they are."""
    x = [row for example in data for row in rows(example)]
    y = [float(unused) for example in data for unused in example.unused]
    columns = list(zip(*x, strict=True))
    mean, spread = [fmean(c) for c in columns], [pstdev(c) or 1.0 for c in columns]
    z = [[1.0, *((v - m) / s for v, m, s in zip(r, mean, spread, strict=True))] for r in x]
    beta = _newton(z, y)
    share, runs, best = (b / s for b, s in zip(beta[1:], spread, strict=True))
    intercept = beta[0] - share * mean[0] - runs * mean[1] - best * mean[2]
    return intercept, (share, runs, best)


def _newton(z: list[list[float]], y: list[float]) -> list[float]:
    size, each = len(z[0]), WEIGHT / len(z)
    beta = [0.0] * size
    for _ in range(ROUNDS):
        slope = [0.0] + [RIDGE * b for b in beta[1:]]
        curve = [[RIDGE if i == j and i else 0.0 for j in range(size)] for i in range(size)]
        for row, truth in zip(z, y, strict=True):
            p = 1 / (1 + math.exp(-sum(b * v for b, v in zip(beta, row, strict=True))))
            for i in range(size):
                slope[i] += each * (p - truth) * row[i]
                for j in range(size):
                    curve[i][j] += each * p * (1 - p) * row[i] * row[j]
        beta = [b - step for b, step in zip(beta, _solved(curve, slope), strict=True)]
    return beta


def _solved(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gauss–Jordan; the matrix is positive definite."""
    rows_ = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i, pivot in enumerate(rows_):
        rows_[i] = pivot = [value / pivot[i] for value in pivot]
        for j, other in enumerate(rows_):
            if j != i:
                rows_[j] = [a - other[i] * b for a, b in zip(other, pivot, strict=True)]
    return [row[-1] for row in rows_]


def main() -> None:
    models = {}
    for name in READERS:
        intercept, (share, runs, best) = fit(examples(name))
        fitted = {"intercept": intercept, "share": share, "runs": runs, "best": best}
        models[name] = {term: round(value, 4) for term, value in fitted.items()}
    document = {
        "made_by": "python -m bench.fit_unused",
        "features": "finops_pack/sketch/_unused.py",
        "models": models,
    }
    MODEL.write_text(json.dumps(document, indent=1) + "\n")
    print(MODEL.read_text())


if __name__ == "__main__":
    main()
