"""Rows of the table `calls` as calls. Apart from the store, since most answers need none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from finops_pack.ledger._schema import COLUMNS, KINDS
from finops_pack.model import Call

SELECTED = ", ".join(f'"{name}"' for name in COLUMNS)
"""What to select for `call_of`."""

_JSON = tuple(place for place, name in enumerate(COLUMNS) if KINDS[name] == "json")
_EMPTY: dict[int, Any] = {n: {} if COLUMNS[n] in ("tags", "extra") else () for n in _JSON}


def call_of(row: Sequence[Any]) -> Call:
    """The call in one row of `SELECTED`."""
    values = list(row)
    for place in _JSON:
        text = values[place]
        values[place] = _EMPTY[place] if text is None else _thawed(json.loads(text))
    return Call(*values)


def _thawed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
