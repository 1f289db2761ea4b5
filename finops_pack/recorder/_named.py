"""Sources of context that the user names: kept in memory, looked for in the prompts that follow."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from finops_pack.recorder._guard import warn_once

KEPT = 32  # texts that are looked for
LEAST, MOST = 16, 1_000_000  # characters: less stands in a prompt by chance, more takes too long

_named: deque[tuple[str, str]] = deque(maxlen=KEPT)


def context_source(name: str, text: str | None = None) -> str:
    """The text itself, from now on known as `name` wherever it stands in a prompt word for word.

    Without a text the file of that name is read. `finops cache` shows what of each source was
    the same in the session before; only keyed hashes and counts of tokens reach the ledger.
    """
    said = _read(name) if text is None else text
    try:
        _remember(str(name), said.strip())
    except Exception as error:  # noqa: BLE001 - the agent goes on, its source without a name
        warn_once(f"a source of context was not noted ({type(error).__name__})", error)
    return said


def _remember(name: str, text: str) -> None:
    if LEAST <= len(text) <= MOST and (name, text) not in _named:
        _named.append((name, text))


def _read(name: str) -> str:
    """The file's text; empty, with a warning, when it cannot be read: a memory begins empty."""
    try:
        return Path(name).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        warn_once(f"context_source({name!r}): the file cannot be read", error)
        return ""


def named() -> list[tuple[str, str]]:
    """(name, text) of what was named, the longest first: a text may stand within another."""
    return sorted(_named, key=lambda one: -len(one[1]))
