"""Documents that a framework has put into the text of a message, where their marks are plain.

`<document>…</document>` and its like; or `Context: …` in a message that also has a line
`Question: …`, as the usual templates for retrieval write it. Everything else in a message of a
user or the system is instruction, of which nothing is said.
"""

from __future__ import annotations

import re

_FLAGS = re.IGNORECASE | re.MULTILINE | re.DOTALL
_OPEN = re.compile(r"<(document|doc|passage|context|source|chunk|search_result)\b[^<>]*>", _FLAGS)
_NAMES = r"(?:context|documents|passages|sources|excerpts|search results)"
_SIGNS = r"[^\w\n]*"  # of one line: what runs on over many is gone through anew from each of them
_ASKED = re.compile(rf"^{_SIGNS}(?:user |my )?(?:question|query){_SIGNS}:", _FLAGS)
_HEADED = re.compile(
    rf"(?:^{_SIGNS}{_NAMES}{_SIGNS}:|^[^\n]*\b{_NAMES}{_SIGNS}:\s*$)(.+?)"
    rf"(?=^{_SIGNS}(?:user |my )?(?:question|query|answer|helpful answer){_SIGNS}:|\Z)",
    _FLAGS,
)
_GAP = re.compile(r"\n\s*\n")


def split(text: str) -> tuple[list[str], str]:
    """The documents in a message, and the rest of it."""
    documents, rest = _tagged(text)
    if documents:
        inner = [_tagged(body)[0] or [body] for body in documents]
        documents = [body for bodies in inner for body in bodies]
    elif _ASKED.search(text) and (headed := _HEADED.search(text)):
        documents = _GAP.split(headed[1])
        rest = text[: headed.start(1)] + text[headed.end(1) :]
    return [part for part in map(str.strip, documents) if part], rest


def _tagged(text: str) -> tuple[list[str], str]:
    """What stands between tags, and what stands outside; a tag that is never closed is none."""
    bodies: list[str] = []
    outside: list[str] = []
    unclosed: set[str] = set()
    end = 0
    for opening in _OPEN.finditer(text):
        name = opening[1].lower()
        if opening.start() < end or name in unclosed:
            continue
        closing = re.compile(f"</{name}>", _FLAGS).search(text, opening.end())
        if closing is None:
            unclosed.add(name)
            continue
        bodies.append(text[opening.end() : closing.start()])
        outside.append(text[end : opening.start()])
        end = closing.end()
    return bodies, " ".join([*outside, text[end:]])
