"""Regular expressions that stand for names: what they spell out is looked at first."""

from __future__ import annotations

import re

# NUL stands for any character.
_ANY = re.compile(r"\\[dDwWsSbB]|\[\^?\]?(?:\\.|[^\]\\])*\]|(?<!\\)\.")
_ESCAPED = re.compile(r"\\.")
_OPTIONAL = re.compile(r".(?:[?*]|\{0?,\d*\}|\{0\})|\{\d+,?\d*\}")
_GROUP = re.compile(r"\((?:\?(?:[a-z-]*:|P<\w+>))?([^()]*)\)([?*]|\{0?,\d*\})?")
_PLAIN = re.compile(r"[\w./:@-]")


def split(regex: str) -> list[str]:
    """A pattern as its literal head, compared first, and the expression of the rest."""
    head = re.match(r"(?:[\w/-](?![?*+{])|\\[.-])*", regex)
    literal = head.group() if head and "|" not in regex else ""
    return [literal.replace("\\", "").lower(), regex[len(literal) :]]


def letters(regex: str) -> int:
    """How many characters of a name it spells out, at the least: of two that fit, more is meant."""
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
