"""Names as a report says them: what may be a path, an address or a sentence stays here."""

from __future__ import annotations

import re

NONE = "(none)"
WITHHELD = "(withheld)"
# Characters that do not show themselves, or turn what follows around, and halves of a pair.
_UNSEEN = (
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
_PRIVATE = re.compile(
    r"^(?:[~/.\s]|[A-Za-z]:/)|\\|@[\w-]+\.[A-Za-z]|\w://|^file:|.{121}|(?:\S+\s+){8}|" + _UNSEEN
)
# A model has few words and its own punctuation; an action is whatever somebody called it.
_FILE = (
    "docx?|xls[xm]?|pptx?|pdf|txt|csv|tsv|rtf|od[tsp]|md|rst|tex|json|jsonl|ya?ml|toml|xml|html?|"
    "eml|msg|png|jpe?g|gif|svg|zip|gz|py|ipynb|js|jsx|ts|tsx|java|cpp|php|sql|sh|sqlite|parquet"
)
_PRIVATE_ACTION = re.compile(
    rf"@|/\S*\.[a-z]\w{{0,7}}(?![\w-])|\.(?:{_FILE})(?![\w-])|/(?:home|users|etc|var|tmp|root)/|"
    r"(?:\S+\s+){4}\S",
    re.IGNORECASE,
)


def model(key: str | None) -> str:
    """The name of a model."""
    if not key:
        return NONE
    return WITHHELD if _PRIVATE.search(key) else key


def action(key: str | None) -> str:
    """The name of an action, of at most four words."""
    name = model(key)  # which also bounds how long it is
    return WITHHELD if _PRIVATE_ACTION.search(name) else name
