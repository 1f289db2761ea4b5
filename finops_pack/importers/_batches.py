"""What the batch importers share: a file of results, one request a line.

Results that tell no time are dated by a day in the file's name, else by when it was written. That
is a guess: a copy of the file, imported later, leaves them where they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from finops_pack.importers._lines import WRONG, micros, numbered, why
from finops_pack.importers._state import Item, Rejected

BATCH = {"type": "call", "processing": "batch", "action": "batch"}
"""What every call of a batch is."""

_DATE = re.compile(r"20\d\d-\d\d-\d\d")


def failed(kind: Any) -> dict[str, Any]:
    """What a request is that was not answered: it was not billed either."""
    return {"status": "error", "error_type": str(kind), "cost_pico": 0, "cost_state": "priced"}


def results(path: Path, call: Callable[[Any, int], dict[str, Any] | None]) -> Iterator[Item]:
    """`call` of every line and the file's time (µs); None from it is no call."""
    dated = dated_us(path)
    at = written_us(path) if dated is None else dated
    for number, line in numbered(path):
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                raise ValueError("must be an object")
            row = call(record, at)
            if row is not None:
                guessed = dated is None and row["start_us"] == at
                yield {**row, "merge": "undated"} if guessed else row
        except WRONG as error:
            yield Rejected(number, why(error))


def dated_us(path: Path) -> int | None:
    """The day that stands in the file's name."""
    found = _DATE.search(path.name)
    try:
        return micros(found[0]) if found else None
    except ValueError:  # it only looks like one
        return None


def written_us(path: Path) -> int:
    """When the file was written: the time of results that carry none."""
    if str(path) == "-":
        return int(datetime.now(UTC).timestamp() * 1_000_000)
    return path.stat().st_mtime_ns // 1000
