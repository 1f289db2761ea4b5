"""What an importer offers, what the user may say, and what became of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from finops_pack.importers._state import Item, Rejected, State
from finops_pack.model import BillingMode

File = tuple[Path, os.stat_result | None]
"""A file as it was found; None for standard input."""

Progress = Callable[[int, int], None]
"""Told the bytes that are done, and how many there are."""


class Importer(Protocol):
    """What a module of this package offers; see there. `details` and `late` may be added."""

    __name__: str
    NAME: str
    HELP: str
    AGENT: bool

    def default_paths(self) -> tuple[Path, ...]:
        """Where its logs would lie on this machine, whether there are any or not."""
        ...

    def files(self, path: Path) -> Iterator[Path]:
        """The files to read at or under `path`."""
        ...

    def read(self, path: Path, state: State) -> Iterator[Item]:
        """The calls of one file, from where `state` says it was left."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """What the user may say about an import."""

    source: str | None = None
    billing: BillingMode | None = None
    project: str | None = None
    dry_run: bool = False
    ledger: str | None = None
    strict: bool = False  # every file is read again: a line was bad at the last import, too


@dataclass(slots=True)
class Summary:
    """What became of an import: counts of calls, and every line that was rejected."""

    read: int = 0
    new: int = 0
    corrected: int = 0
    unchanged: int = 0
    files: int = 0
    skipped: int = 0
    billing: str = "unknown"
    first_us: int | None = None
    rejected: list[Rejected] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The body of `finops.import`."""
        return {
            "read": self.read,
            "new": self.new,
            "corrected": self.corrected,
            "unchanged": self.unchanged,
            "rejected": [rejected.to_dict() for rejected in self.rejected],
        }
