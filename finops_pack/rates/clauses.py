"""What genai-prices' clauses say a model may be called, read more strictly than they are meant.

They match by prefix and by substring, which gives the next version's name this version's price.
Here a prefix becomes a family: the name itself, or with a date, a channel or a Bedrock version
behind it, nothing else. A clause that cannot be read that strictly is left out, so that its
names are unpriced rather than guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from finops_pack.rates.patterns import split


def names_of(model: Mapping[str, Any]) -> dict[str, Any]:
    """What a model may be called: exact names, families, families in any region, patterns."""
    found: dict[str, Any] = {"names": [], "families": [], "regional": [], "patterns": []}
    for kind, value in _clauses(model["match"]):
        text = value if kind == "regex" else value.lower()
        if kind == "equals":
            found["names"].append(text)
        elif kind == "ends_with":
            found["names"].append(text.lstrip("/"))
        elif kind == "regex":
            _add_regex(found, text)
        else:
            where = "families" if kind == "starts_with" else "regional"
            _add_family(found, text, where, model["id"])
    return {key: list(dict.fromkeys(map(_hashable, value))) for key, value in found.items()}


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _clauses(match: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for kind, value in match.items():
        if kind == "or":
            for clause in value:
                yield from _clauses(clause)
        elif kind == "and":
            # Only "starts with, but not a TTS name" occurs, and a family never holds those.
            positive = [c for c in value if not str(c.get("regex", "")).startswith("^(?!")]
            if len(positive) == 1:
                yield from _clauses(positive[0])
        else:
            yield kind, value


def _add_family(found: dict[str, Any], text: str, where: str, id_: str) -> None:
    if re.search(r"-20\d\d-?$", text):  # the year of a date: the rest must complete it
        found["patterns"].append([text.rstrip("-"), r"-?\d\d-?\d\d"])
    elif text.endswith("-0") and text != id_:  # the first digit of a date or a snapshot number
        found["patterns"].append([text, r"0\d|[1-9]\d\d"])
    elif text.endswith(".ft-"):  # Azure's name of a fine-tuned model, with its id behind it
        found["patterns"].append([text, r"[\w.-]+"])
    else:
        found[where].append(text.rstrip("-@:"))


def _add_regex(found: dict[str, Any], regex: str) -> None:
    if regex.startswith("^") and regex.endswith("$"):
        found["patterns"].append(split(regex[1:-1]))
    elif regex.startswith("^") and regex.endswith(r"-\d"):  # a family by another spelling
        found["families"].append(regex[1:-3].replace("\\", ""))
