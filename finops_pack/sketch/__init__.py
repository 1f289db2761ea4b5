"""Fingerprints of prompts, and what of a prompt the answers never used.

`Reducer` turns prompts and answers into hashes, counts and, when a session closes, scores;
`unused_probability` is the score on its own; `common_blocks` and `common_tokens` compare two prefixes.
"""

from finops_pack.sketch._prefix import common_blocks, common_tokens
from finops_pack.sketch._reducer import Reducer
from finops_pack.sketch._unused import unused_probability

__all__ = ["Reducer", "common_blocks", "common_tokens", "unused_probability"]
