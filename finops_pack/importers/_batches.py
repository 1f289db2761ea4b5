"""What the batch importers share: a file of results, one request a line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from finops_pack.importers._lines import WRONG, numbered, why
from finops_pack.importers._state import Item, Rejected

BATCH = {"type": "call", "processing": "batch", "action": "batch"}
"""What every call of a batch is."""


def failed(kind: Any) -> dict[str, Any]:
    """What a request is that was not answered: it was not billed either."""
    return {"status": "error", "error_type": str(kind), "cost_pico": 0, "cost_state": "priced"}


def results(path: Path, call: Callable[[Any, int], dict[str, Any] | None]) -> Iterator[Item]:
    """`call` of every line and the file's time (µs); None from it is no call."""
    written = written_us(path)
    for number, line in numbered(path):
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                raise ValueError("must be an object")
            row = call(record, written)
            if row is not None:
                yield row
        except WRONG as error:
            yield Rejected(number, why(error))


def written_us(path: Path) -> int:
    """When the file was written: the time of results that carry none."""
    if str(path) == "-":
        return int(datetime.now(UTC).timestamp() * 1_000_000)
    return path.stat().st_mtime_ns // 1000
