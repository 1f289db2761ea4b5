"""How far a file was read, and what could not be."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HEAD, TAIL = 1024, 256  # bytes that tell a file that grew from one that was replaced
KEPT = ("offset", "line", "size", "mtime_ns", "mark", "done", "billing")

Memory = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that costs itself and nothing else: its number (from 1) and why."""

    line: int
    reason: str
    file: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"file": self.file, "line": self.line, "reason": self.reason}


Item = Mapping[str, Any] | Rejected
"""A line of the ledger (`ledger.Line`), or one of the log that cannot become one."""


def nothing(path: Path) -> Memory:
    """No other file is known."""
    return {}


@dataclass(slots=True)
class State:
    """One file between two imports; kept in the ledger as documents.

    `offset` and `line` are how far it was read, `done` says that its details were read too;
    `memory` is whatever the importer wants to know again (JSON), and `peek` answers with that
    of another file of the same source. `restated`: who pays has changed since it was read.
    """

    offset: int = 0
    line: int = 0
    size: int = -1
    mtime_ns: int = 0
    mark: str = ""
    done: bool = False
    billing: str = ""
    memory: Memory = field(default_factory=dict)
    restated: bool = False
    peek: Callable[[Path], Memory] = nothing

    @classmethod
    def of(cls, body: Mapping[str, Any] | None) -> State:
        """The state from its document; a new one when there is none or it is of another kind."""
        if body is None or any(name not in body for name in KEPT):
            return cls()
        return cls(**{name: body[name] for name in KEPT})

    def body(self) -> dict[str, Any]:
        """The document, without the memory."""
        return {name: getattr(self, name) for name in KEPT}

    def unchanged(self, found: os.stat_result) -> bool:
        """True when the file is as it was at the end of the last import."""
        return self.size == found.st_size and self.mtime_ns == found.st_mtime_ns

    def grown(self, path: Path) -> bool:
        """True when what was read is still there, so that only the rest is new."""
        return self.offset == 0 or self.mark == fingerprint(path, self.offset)

    def leave(self, path: Path, found: os.stat_result) -> None:
        """Remember the file as it was found before it was read."""
        self.size, self.mtime_ns = found.st_size, found.st_mtime_ns
        self.mark = fingerprint(path, self.offset)


def fingerprint(path: Path, offset: int) -> str:
    """A hash of the first and the last bytes of what lies before `offset`."""
    import hashlib

    with path.open("rb") as file:
        head = file.read(min(HEAD, offset))
        file.seek(max(0, offset - TAIL))
        tail = file.read(min(TAIL, offset))
    return hashlib.blake2b(head + tail, digest_size=8).hexdigest()
