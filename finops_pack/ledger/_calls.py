"""Rows of the table `calls` as calls. Apart from the store, since most answers need none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from finops_pack.ledger._db import Db, select_in
from finops_pack.ledger._schema import COLUMNS, KINDS
from finops_pack.model import Call

SELECTED = ", ".join(f'"{name}"' for name in COLUMNS)
"""What to select for `call_of`."""

_NAMED, _PLACED = f"k1, {SELECTED}", f"k0, {SELECTED}"  # k…: what `select_in` was asked for
_JSON = tuple(place for place, name in enumerate(COLUMNS) if KINDS[name] == "json")
_EMPTY: dict[int, Any] = {n: {} if COLUMNS[n] in ("tags", "extra") else () for n in _JSON}


def call_of(row: Sequence[Any]) -> Call:
    """The call in one row of `SELECTED`."""
    values = list(row)
    for place in _JSON:
        text = values[place]
        values[place] = _EMPTY[place] if text is None else _thawed(json.loads(text))
    return Call(*values)


def calls_of(db: Db, ids: Sequence[str], source: str) -> dict[str, Call]:
    """The calls of these ids, under any source's name for them."""
    names = "source", "id"
    asked = [(source, name) for name in ids]
    found = {name: call_of(row) for name, *row in select_in(db, _NAMED, "calls", names, asked)}
    others = [key for key in asked if key[1] not in found]
    place = dict(select_in(db, "k1, seq", "aliases", names, others))
    seqs = [(seq,) for seq in set(place.values())]
    known = {seq: call_of(row) for seq, *row in select_in(db, _PLACED, "calls", ("seq",), seqs)}
    return found | {name: known[seq] for name, seq in place.items() if seq in known}


def _thawed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
