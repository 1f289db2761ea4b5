"""What the pages say, in English and German: the English text is its own name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from finops_pack.server.german import WORDS
from finops_pack.server.german_sentences import SENTENCES

LANGUAGES = {"en": "English", "de": "Deutsch"}

# Names of the vocabulary that a person should not have to read as identifiers.
ENGLISH = {
    "lever:cache": "Cache",
    "lever:batch": "Batch",
    "lever:model": "Model",
    "lever:workflow": "Workflow",
    "effort:config": "a setting",
    "effort:workflow": "a change of workflow",
    "effort:automatic": "none, automatic",
    "retries": "Retries",
    "unused_context": "Unused context",
    "hallucination_recovery": "Hallucination recovery",
    "cold_cache": "Cold cache",
    "repeat_calls": "Repeated calls",
    "runaway_output": "Runaway output",
    "unused_tools": "Unused tools",
    "first": "First call of a session",
    "ttl_expired": "Cache expired",
    "prefix_changed": "Prompt start changed",
    "below_minimum": "Prompt too short to cache",
    "provider_miss": "Missed by the provider",
    "not_cached": "Never written to the cache",
}


def translator(language: str) -> Callable[..., str]:
    """`say("{count} attempts", count=3)` in this language; what is unknown stays as it is."""
    words = WORDS if language == "de" else ENGLISH

    def say(text: str, **values: Any) -> str:
        said = words.get(text, text)
        return said.format(**values) if values else said

    return say


def sentence(text: str, language: str) -> str:
    """A sentence of the analysis, with its figures, in this language; English where unknown."""
    if language != "de":
        return _days(text, language)
    if found := _POINTS.fullmatch(text):
        noun = "Punkt" if found[1] in ("1", "-1") else "Punkte"
        return f"{found[1]} {noun} durch {sentence(found[2], language)}"
    if found := _FROM.fullmatch(text):
        count = "einem" if found[2] == "1" else found[2].replace(".", ",")
        days = "Tag" if found[2] == "1" else "Tagen"
        days = f"der letzten {found[3]} Tage" if found[3] else days
        return f"{sentence(found[1], language)} Geschätzt aus {count} {days}."
    if found := _BECAUSE.fullmatch(text):
        times = found[1].replace(".", ",")
        cause = sentence(found[2], language)
        return f"Diese Aufgabe kostete das {times}-Fache des Üblichen: {cause}"
    for pattern, german in SENTENCES:
        if found := re.fullmatch(pattern, text):
            parts = (_NUMBER.sub(_german_number, part or "–") for part in found.groups())
            return _days(_DOLLARS.sub(_german_dollars, german.format(*parts)), language)
    return WORDS.get(text, text)


def day(date: str, language: str) -> str:
    """`2026-02-28` as people write it: `28 Feb 2026`, `28.02.2026`."""
    year, month, number = date.split("-")
    if language == "de":
        return f"{number}.{month}.{year}"
    return f"{int(number)} {_MONTHS[int(month) - 1]} {year}"


def _days(text: str, language: str) -> str:
    return _DATE.sub(lambda found: day(found[0], language), text)


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = re.compile(r"(?<![-\w])(?<!--since )\d{4}-(?:0[1-9]|1[0-2])-\d{2}\b(?![-\w])")
_BECAUSE = re.compile(r"This task cost (\S+)× the usual because (.+)")
_FROM = re.compile(r"(.+ a month less\.) Estimated from (\S+)(?: of the last (\d+))? days?\.")
_POINTS = re.compile(r"(-?\d+) points? (.+)")
_NUMBER = re.compile(r"^\d+(,\d{3})*(\.\d+)?[kMB]?$")
_DOLLARS = re.compile(r"\$(\d+(?:,\d{3})*(?:\.\d+)?)")


def _german_number(found: re.Match[str]) -> str:
    return found[0].translate(str.maketrans(",.", ".,"))


def _german_dollars(found: re.Match[str]) -> str:
    return found[1].translate(str.maketrans(",.", ".,")) + "\u00a0$"
