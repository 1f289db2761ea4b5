"""Documents that a framework has put into the text of a message, where their marks are plain.

`<document>…</document>` and its like, or `Context: … Question:`. Everything else in a message
of a user or the system is instruction, of which nothing is said.
"""

from __future__ import annotations

import re

_TAGGED = re.compile(
    r"<(document|doc|passage|context|source|chunk|search_result)\b[^<>]*>(.*?)</\1>",
    re.IGNORECASE | re.DOTALL,
)
_HEADED = re.compile(
    r"^\W*(?:context|documents|passages|sources|search results)\W*:(.+?)"
    r"^\W*(?:question|query|user question)\W*:",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_GAP = re.compile(r"\n\s*\n")


def split(text: str) -> tuple[list[str], str]:
    """The documents in a message, and the rest of it."""
    documents: list[str] = []
    rest = _TAGGED.sub(lambda match: _inside(match[2], documents), text)
    headed = None if documents else _HEADED.search(text)
    if headed:
        documents = _GAP.split(headed[1])
        rest = text[: headed.start(1)] + text[headed.end(1) :]
    return [part for part in map(str.strip, documents) if part], rest


def _inside(body: str, documents: list[str]) -> str:
    inner = [match[2] for match in _TAGGED.finditer(body)]
    documents.extend(inner or [body])
    return " "
