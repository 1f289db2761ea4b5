"""Texts as sets of numbers: what is left of a segment or an answer once it has been read.

A word becomes the hash of a salt and its first letters, three words in a row the hash of
theirs. Python's hash of a string is keyed anew in every process; the salt adds a key of ours.
The numbers stay in memory, never leave the process and go when their session closes.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from unicodedata import normalize

STEM = 6  # letters kept of a word: its forms fall together, its meaning hardly changes
PIECE = 400  # words at most that are judged at once; a longer segment is several

_APART = {code: " " for code in range(128) if not (chr(code).isalnum() or chr(code) == "_")}
_WORDS = re.compile(r"\w+")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|[nrt])")
_PILE = re.compile(r"[^\w\x00-\x7f]{32,}")  # of accents, as a rule: to put them in order takes long
_SIGN = re.compile("[぀-鿿가-힯]")  # of a script without spaces: each is a word
_WORDS_AND_SIGNS = re.compile(rf"{_SIGN.pattern}|[^\W぀-鿿가-힯]+")


class Sketch(NamedTuple):
    """The distinct words and distinct runs of three words of a text, as hashes."""

    words: array[int]
    grams: array[int]

    @property
    def size(self) -> int:
        """Bytes of memory, about."""
        return 8 * (len(self.words) + len(self.grams)) + 200


def sketch(text: str, salt: bytes = b"") -> Sketch:
    """The sketch of a whole text."""
    return _sketch(_hashes(text, salt))


def pieces(text: str, salt: bytes = b"") -> list[Sketch]:
    """A text as sketches of at most `PIECE` words each, in order; none when it has no words.

    What a text repeats stands in the first of its pieces that holds it, so that a log of one
    line again and again is not taken for something that everybody says.
    """
    numbers = _hashes(text, salt)
    words: set[int] = set()
    grams: set[int] = set()
    cut = []
    for start in range(0, len(numbers), PIECE):
        part = numbers[start : start + PIECE]
        new_words, new_grams = set(part) - words, set(_grams(part)) - grams
        words |= new_words
        grams |= new_grams
        cut.append(Sketch(array("q", new_words), array("q", new_grams)))
    return cut


def merged(sketches: Iterable[Sketch]) -> Sketch:
    """One sketch that holds what each of them holds."""
    words: set[int] = set()
    grams: set[int] = set()
    for one in sketches:
        words.update(one.words)
        grams.update(one.grams)
    return Sketch(array("q", words), array("q", grams))


def _hashes(text: str, salt: bytes) -> list[int]:
    words = _words(_unescaped(text).lower())
    known = {word: hash((salt, word[:STEM])) for word in set(words)}
    return [known[word] for word in words]


def _unescaped(text: str) -> str:
    """A text without the escapes of JSON: what tools give and take is often written in it."""
    return _ESCAPE.sub(_sign, text) if "\\" in text else text


def _sign(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else " "


def _words(text: str) -> list[str]:
    if text.isascii():
        return text.translate(_APART).split()  # four times as fast, the same words
    # "ü" of one sign or two, "８" or "8", and where it may be broken: one word
    text = normalize("NFKC", _PILE.sub(" ", text)).replace("\N{SOFT HYPHEN}", "")
    pattern = _WORDS_AND_SIGNS if _SIGN.search(text) else _WORDS
    return pattern.findall(text)


def _sketch(numbers: list[int]) -> Sketch:
    return Sketch(array("q", set(numbers)), array("q", set(_grams(numbers))))


def _grams(numbers: list[int]) -> Iterator[int]:
    return map(hash, zip(numbers, numbers[1:], numbers[2:], strict=False))
