from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finops_pack.sketch import _words
from finops_pack.sketch._words import PIECE, merged, pieces, sketch


@given(st.text(st.characters(max_codepoint=127)))
def test_the_fast_way_gives_the_same_words(text: str) -> None:
    assert _words._words(text) == re.findall(r"\w+", text)


def test_forms_of_a_word_fall_together_under_one_salt_only() -> None:
    assert sketch("translated").words == sketch("translations").words
    assert sketch("word", b"one").words != sketch("word", b"two").words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Größe", "Gro\u0308ße"),
        ("1958年", "１９５８年"),
        ("ﬁnal", "final"),
        ("Haustür", "Haus\xadtür"),
    ],
)
def test_a_word_is_the_same_however_it_is_written_in_unicode(one: str, other: str) -> None:
    assert set(sketch(one).words) == set(sketch(other).words)


def test_a_pile_of_accents_is_read_in_no_time() -> None:
    began = time.process_time()
    assert set(sketch("a word, z" + "\u0315\u0300" * 50_000).words) == set(sketch("a word z").words)
    assert time.process_time() - began < 1


shown = st.characters(
    max_codepoint=0xFFFF, exclude_categories=["Cc", "Cs"], exclude_characters="\\"
)


@given(st.text(shown | st.sampled_from("\n\t\r")))
def test_a_text_has_the_words_that_it_has_as_json(text: str) -> None:
    assert set(sketch(json.dumps(text)).grams) == set(sketch(text).grams)


def test_a_long_text_is_cut_and_nothing_is_lost() -> None:
    text = " ".join(f"w{i}" for i in range(2 * PIECE + 1))
    cut = pieces(text)
    assert len(cut) == 3
    assert set(merged(cut).words) == set(sketch(text).words)
    assert pieces(" - ") == []
