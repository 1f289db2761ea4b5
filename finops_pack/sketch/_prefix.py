"""Keyed hashes of a request, chained block by block, so that common prefixes show.

Hash n covers the first 1024·n² bytes of tools and messages, about 256·n² tokens: fine where
prompts are short, and no more than 62 of them for a million tokens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import NamedTuple

CHUNK = 4096
STEP = 1024
BYTES_PER_TOKEN = 4


class Digest(NamedTuple):
    """A text as keyed digests of its chunks, and its bytes."""

    chunks: tuple[bytes, ...]
    size: int

    @property
    def tokens(self) -> int:
        """About as many tokens as this text has."""
        return -(-self.size // BYTES_PER_TOKEN)


def digest(text: str, key: bytes) -> Digest:
    """The digests of a text."""
    data = text.encode("utf-8", "replace")
    cuts = range(0, len(data), CHUNK) or (0,)
    return Digest(tuple(_hash(data[i : i + CHUNK], key, 8) for i in cuts), len(data))


def name(of: Digest, key: bytes) -> str:
    """One short keyed hash of a whole text."""
    return _hash(b"".join(of.chunks), key, 6).hex()


def chained(parts: Iterable[tuple[str, Digest]], key: bytes) -> tuple[str, list[str]]:
    """The hash of a whole request and those of its prefixes; `parts` are (kind, digest)."""
    state, size = b"", 0
    prefixes: list[str] = []
    for kind, part in parts:
        left = part.size
        for chunk in part.chunks:
            state = _hash(state + kind.encode() + chunk, key, 8)
            size += min(CHUNK, left)
            left -= CHUNK
            while size >= STEP * (len(prefixes) + 1) ** 2:
                prefixes.append(state.hex()[:12])
    return state.hex(), prefixes


def common_blocks(one: Sequence[str], other: Sequence[str]) -> int:
    """How many prefix hashes two requests share from their start."""
    same = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return sum(1 for _ in same)


def common_tokens(one: Sequence[str], other: Sequence[str]) -> int:
    """About how many tokens two requests share from their start, by their prefix hashes."""
    return STEP // BYTES_PER_TOKEN * common_blocks(one, other) ** 2


def _hash(data: bytes, key: bytes, size: int) -> bytes:
    return hashlib.blake2b(data, key=key, digest_size=size).digest()
