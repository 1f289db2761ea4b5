from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench._context_sets import READERS, examples
from bench.fit_unused import fit
from bench.unused import distracted, left_out, quality, shipped
from finops_pack.sketch import _unused, unused_probability

PASSAGES = [
    "The Eiffel Tower was finished in March 1889 for the world's fair and is 330 metres tall.",
    "Sourdough bread rises slowly because wild yeast works more slowly than baker's yeast.",
    "Gustave Eiffel's company designed and built the tower on the Champ de Mars.",
]
ANSWER = "It was finished in March 1889 for the world's fair."
FLOORS = {"CLAPnq": (0.95, 0.90), "QuoteSum": (0.95, 0.90), "CRAGC-25 GPT-4o": (0.72, 0.85)}


def test_what_was_quoted_is_used_and_what_is_foreign_is_not() -> None:
    quoted, foreign, near = unused_probability(PASSAGES, ANSWER, "When was the tower finished?")
    assert quoted < 0.1 < near < foreign
    assert foreign > 0.9


def test_one_probability_for_each_segment() -> None:
    assert unused_probability([], "x") == []
    assert unused_probability(["", "?!"], "an answer") == [0.0, 0.0]


def test_a_long_segment_is_used_when_any_piece_of_it_is() -> None:
    long = " ".join(f"filler{i}" for i in range(2000)) + " " + PASSAGES[0]
    used, unused = unused_probability([long, PASSAGES[1]], ANSWER)
    assert used < 0.1
    assert unused > 0.9


def test_words_of_the_question_prove_little() -> None:
    echo, other = "the tower was finished", "bread"
    [asked, _] = unused_probability([echo, other], echo, question=echo)
    [told, _] = unused_probability([echo, other], echo)
    assert told < asked


def test_signs_of_scripts_without_spaces_are_words() -> None:
    used, unused = unused_probability(
        ["東京タワーは1958年に完成した", "犬が好き"], "1958年に完成した"
    )
    assert used < unused


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(max_size=60), max_size=6), st.text(max_size=200), st.text(max_size=40))
def test_probabilities_whatever_the_text(segments: list[str], answer: str, question: str) -> None:
    found = unused_probability(segments, answer, question)
    assert len(found) == len(segments)
    assert all(0 <= p <= 1 for p in found)


@pytest.mark.usefixtures("shared_data")
@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("judge", [left_out, shipped, distracted])
def test_labelled_sets(name: str, judge: object) -> None:
    found = quality(judge(name))  # type: ignore[operator]
    auc, precision = FLOORS[name]
    assert found.auc >= auc
    assert found.precision is None or found.precision >= precision
    assert found.expected <= found.true + 0.05


def test_the_stored_models_are_what_the_command_makes(shared_data: Path) -> None:
    for name, stored in _unused.models().items():
        intercept, weights = fit(examples(name, shared_data))
        assert stored[0] == pytest.approx(intercept, abs=1e-3)
        assert stored[1] == pytest.approx(weights, abs=1e-3)


def test_copies_of_a_text_are_judged_alike_and_change_nothing() -> None:
    once = unused_probability(PASSAGES, ANSWER)
    many = unused_probability([*PASSAGES, *[PASSAGES[0]] * 40], ANSWER)
    assert many == pytest.approx([*once, *[once[0]] * 40])


def test_a_line_repeated_through_a_long_segment_is_still_quoted() -> None:
    log = f"{PASSAGES[0]}\n" * 3000
    used, unused = unused_probability([log, PASSAGES[1]], ANSWER)
    assert used < 0.1 < 0.9 < unused


def test_no_answer_used_nothing_and_a_foreign_one_says_nothing() -> None:
    assert min(unused_probability(PASSAGES, "")) > 0.9
    long = [*PASSAGES, "A parcel that left Vienna on Monday has still not arrived, says the clerk."]
    german = "Er wurde im Frühjahr pünktlich zur Weltausstellung fertiggestellt."
    assert max(unused_probability(long, german)) <= 0.5


@pytest.mark.parametrize(
    "answer",
    [
        "Man sollte vor allem auf die Qualität achten. In der Regel sind es drei Dinge: das "
        "Material, die Größe und der Preis. Die besten Modelle kosten um 200 Dollar und kommen "
        "von Anthropic. Was am Ende zählt, ist so gut wie immer der Nutzen. Das war auch 2019 so.",
        "El trauma vicario es un fenómeno que aparece cuando una persona no sufre el daño, sino "
        "que escucha a quienes lo han sufrido. Afecta a médicos y terapeutas. Para superarlo hay "
        "que cuidar de uno mismo, dormir, hacer ejercicio y hablar con un profesional.",
    ],
)
def test_a_foreign_answer_to_much_may_share_names_and_small_words(answer: str) -> None:
    english = (Path(__file__).parents[2] / "docs" / "waste.md").read_text().split("\n\n")
    assert max(unused_probability(english, answer)) <= 0.5


words = st.lists(st.sampled_from(" ".join((*PASSAGES, ANSWER)).split()), max_size=40)
passages = st.lists(words.map(" ".join), min_size=1, max_size=8)


@settings(deadline=None, max_examples=50)
@given(passages, words.map(" ".join), st.randoms(use_true_random=False))
def test_the_order_of_segments_does_not_matter(
    segments: list[str], answer: str, rng: random.Random
) -> None:
    order = list(range(len(segments)))
    rng.shuffle(order)
    found = unused_probability(segments, answer)
    shuffled = unused_probability([segments[i] for i in order], answer)
    assert shuffled == pytest.approx([found[i] for i in order])
