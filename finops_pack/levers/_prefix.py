"""What a call's prompt shares with the one before it, as plain values while a session goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from finops_pack.model import Call
from finops_pack.sketch import common_blocks, common_tokens


class Prompt(NamedTuple):
    """The prompt of a call, and when that began and ended."""

    start_us: int
    end_us: int
    tokens: int
    hashes: Sequence[str]

    @classmethod
    def of(cls, call: Call) -> Prompt:
        """A call's prompt."""
        return cls(call.start_us, call.end_us, call.input_tokens, call.prefix_hashes)

    def shared(self, call: Call) -> int:
        """Tokens that a later call sent again: all, unless hashes of both say where they part.

        Of a call that began before this one had ended, none: nothing was in a cache yet.
        """
        if self.end_us > call.start_us:
            return 0
        least = min(self.tokens, call.input_tokens)
        both = min(len(self.hashes), len(call.prefix_hashes))
        if common_blocks(self.hashes, call.prefix_hashes) < both:
            return min(least, common_tokens(self.hashes, call.prefix_hashes))
        return least
