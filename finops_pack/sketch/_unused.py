"""How likely it is that a piece of context was not used by the answers that could see it.

Three features of a piece and an answer, all lexical, words of the question at a quarter:

share   of the piece's runs of three words, those that stand in the answer
runs    log(1 + the answer's runs of three that stand in the piece), each shared among the
        pieces that hold it
best    the answer's words that stand in the piece, shared likewise, against the best piece

Logistic models of them, one fitted on each labelled set (`model.json`, made by
`python -m bench.fit_unused`), disagree where the sets do; the lowest probability counts, so that
a piece is called unused only as far as all of them do. Over several answers the lowest counts
too: used once is used.
"""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from finops_pack.sketch._words import Sketch, merged, pieces, sketch

Features = tuple[float, float, float]
NOTHING: Features = (0.0, 0.0, 0.0)

ASKED = 0.25  # weight of what the question already held
COMMON = 24  # pieces: what more of them share says nothing about any one of them
LEAST_BEST = 1.0  # words of credit below which even the best piece is no evidence
READABLE = 0.3  # of what was answered stands in what was sent, or it cannot be compared
FOREIGN, MUCH = 0.05, 40  # below that share, of at least so many words, it is another language;
FOREIGN_OF, MANY = 0.2, 400  # and below this share where so many were sent

Model = tuple[float, tuple[float, float, float]]  # intercept, one coefficient a feature


class Piece(NamedTuple):
    """A sketch and the answers that could see it: from `first` up to and with `last`."""

    sketch: Sketch
    first: int = 0
    last: int = 0


def unused_probability(
    segments: Sequence[str], response: str, question: str | None = None
) -> list[float]:
    """For each segment the probability (0–1) that the response made no use of it.

    Conservative: summed, it lies below the true number of unused segments rather than above.
    Segments of the same text have the same probability, and one without words has 0; a response
    in another language than all of the segments says nothing, so none is above 0.5.
    """
    cut = {text: pieces(text) for text in segments}
    flat = [Piece(part) for parts in cut.values() for part in parts]
    said, asked = sketch(response), sketch(question or "")
    most = 0.5 if _foreign(flat, said, asked) else 1.0
    found = iter(probabilities(flat, [said], asked))
    lowest = {t: min((next(found) for _ in parts), default=0.0) for t, parts in cut.items()}
    return [min(most, lowest[text]) for text in segments]


def probabilities(
    held: Sequence[Piece], answers: Sequence[Sketch], question: Sketch
) -> list[float]:
    """For each piece the lowest probability over the answers that could see it."""
    fitted = tuple(models().values())
    lowest = [_logit(fitted, NOTHING)] * len(held)
    for features in evidence(held, answers, question):
        for place, values in features.items():
            lowest[place] = min(lowest[place], _logit(fitted, values))
    return [_logistic(score) for score in lowest]


def evidence(
    held: Sequence[Piece], answers: Sequence[Sketch], question: Sketch
) -> Iterator[dict[int, Features]]:
    """For each answer the features of the pieces that share anything with it."""
    said = merged(answers)
    asked = (set(question.words), set(question.grams))
    words = _holders((piece.sketch.words for piece in held), said.words)
    grams = _holders((piece.sketch.grams for piece in held), said.grams)
    sizes = [_weight(piece.sketch.grams, asked[1]) for piece in held]
    for place, answer in enumerate(answers):
        credit, _ = _credit(words, answer.words, asked[0], held, place)
        runs, whole = _credit(grams, answer.grams, asked[1], held, place)
        best = max(credit.values(), default=0.0)
        yield {
            at: (
                whole.get(at, 0.0) / sizes[at] if sizes[at] else 0.0,
                math.log1p(runs.get(at, 0.0)),
                credit.get(at, 0.0) / max(best, LEAST_BEST),
            )
            for at in credit.keys() | runs.keys()
        }


def readable(held: Iterable[Piece], answers: Sequence[Sketch], question: Sketch) -> bool:
    """Whether the answers speak the language of what was sent, so that words can be compared."""
    said = set(merged(answers).words)
    return len(said & _sent(held, question)) >= READABLE * len(said)


def _foreign(held: Sequence[Piece], answer: Sketch, question: Sketch) -> bool:
    """Whether hardly a word of an answer stands in much that was sent: it is another language.

    Languages share names and small words (`in`, `die`, `no`), the more of them the more was sent.
    """
    said, sent = set(answer.words), _sent(held, question)
    share = max(FOREIGN, FOREIGN_OF * min(1, len(sent) / MANY))
    return len(sent) >= MUCH and len(said & sent) < share * len(said)


def _sent(held: Iterable[Piece], question: Sketch) -> set[int]:
    return set(question.words).union(*(piece.sketch.words for piece in held))


def _holders(sketches: Iterable[array[int]], said: array[int]) -> dict[int, list[int]]:
    """Which pieces hold each hash that some answer holds, where these are few."""
    holders: dict[int, list[int]] = {number: [] for number in said}
    for place, numbers in enumerate(sketches):
        for number in holders.keys() & numbers:
            holders[number].append(place)
    return {number: places for number, places in holders.items() if 0 < len(places) <= COMMON}


def _weight(numbers: array[int], asked: set[int]) -> float:
    return len(numbers) - (1 - ASKED) * len(asked.intersection(numbers))


def _credit(
    holders: dict[int, list[int]],
    said: array[int],
    asked: set[int],
    held: Sequence[Piece],
    answer: int,
) -> tuple[dict[int, float], dict[int, float]]:
    """For each piece what it shares with the answer: divided among its holders, and whole."""
    shared: dict[int, float] = {}
    whole: dict[int, float] = {}
    for number in holders.keys() & said:
        places = [p for p in holders[number] if held[p].first <= answer <= held[p].last]
        if not places:
            continue
        weight = ASKED if number in asked else 1.0
        part = weight / len(places)
        for place in places:
            shared[place] = shared.get(place, 0.0) + part
            whole[place] = whole.get(place, 0.0) + weight
    return shared, whole


def logit(model: Model, features: Features) -> float:
    """The log odds of unused by one fitted model."""
    intercept, (share, runs, best) = model
    return intercept + share * features[0] + runs * features[1] + best * features[2]


def _logit(fitted: Sequence[Model], features: Features) -> float:
    return min(logit(model, features) for model in fitted)


def _logistic(score: float) -> float:
    return 1 / (1 + math.exp(-score))


@lru_cache(maxsize=1)
def models() -> dict[str, Model]:
    """The fitted models by the labelled set behind each."""
    stored = json.loads((Path(__file__).parent / "model.json").read_text())["models"]
    return {
        name: (one["intercept"], (one["share"], one["runs"], one["best"]))
        for name, one in stored.items()
    }
