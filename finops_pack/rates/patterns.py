"""How much of a name a regular expression spells out: of two that fit, the longer one is meant."""

from __future__ import annotations

import re

# NUL stands for any character.
_ANY = re.compile(r"\\[dDwWsSbB]|\[\^?\]?(?:\\.|[^\]\\])*\]|(?<!\\)\.")
_ESCAPED = re.compile(r"\\.")
_OPTIONAL = re.compile(r".(?:[?*]|\{0?,\d*\}|\{0\})|\{\d+,?\d*\}")
_GROUP = re.compile(r"\((?:\?(?:[a-z-]*:|P<\w+>))?([^()]*)\)([?*]|\{0?,\d*\})?")
_PLAIN = re.compile(r"[\w./:@-]")


def letters(regex: str) -> int:
    """How many characters of a name an expression spells out, at the least."""
    text = _ANY.sub("\0", regex)
    text = _ESCAPED.sub("x", text)
    while (inner := _GROUP.sub(_least, text)) != text:
        text = inner
    return min(_count(way) for way in text.split("|"))


def _least(group: re.Match[str]) -> str:
    ways, often = group.groups()
    return "" if often else min(ways.split("|"), key=_count)


def _count(text: str) -> int:
    return len(_PLAIN.findall(_OPTIONAL.sub("", text)))
