"""Reading a batch of lines: as much as can be done before others have to wait for the lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from finops_pack.ledger import Line, _rows
from finops_pack.ledger._facts import Facts
from finops_pack.ledger._rows import Row

Key = tuple[str, str]
"""Source and id of a call, or another pair that tells calls apart."""


@dataclass(slots=True)
class Prepared:
    """Lines that were read and checked; what is left needs the database."""

    calls: list[tuple[Row, Line | None]] = field(default_factory=list)
    facts: Facts = field(default_factory=Facts)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    outer: dict[Key, list[str]] = field(default_factory=dict)  # tasks around those nobody held


def prepare(lines: Sequence[Line]) -> Prepared:
    """Read lines; none is so broken that it raises."""
    prepared = Prepared()
    for index, line in enumerate(lines):
        try:
            _sort(line, prepared)
        except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
            prepared.rejected.append((index, str(error) or type(error).__name__))
    return prepared


def _sort(line: Line, prepared: Prepared) -> None:
    kind, calls = line.get("type"), prepared.calls
    if kind == "call":
        row = _rows.clean(line)
        calls.append((row, line if "merge" in line else None))
        if line.get("outer"):
            prepared.outer[row["source"], row["id"]] = list(map(str, line["outer"]))
    elif kind == "amend":
        if not line.get("id"):
            raise ValueError("id: missing")
        row = {"source": str(line.get("source") or "live"), "id": str(line["id"])}
        calls.append((row, line))
    else:
        prepared.facts.add(kind, line)
