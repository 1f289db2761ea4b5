"""One row a call with every field of it: for spreadsheets and data frames."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import fields
from typing import TextIO

from finops_pack.export import Written
from finops_pack.export._buckets import paid_pico
from finops_pack.export._cells import cell, moment
from finops_pack.model import Call, Facts
from finops_pack.money import from_pico

_RENAMED = {"start_us": "start", "cost_pico": "list_usd", "billed_pico": "billed_usd"}
_LEFT_OUT = ("booked_us", "corrected_us", "prefix_hashes", "tool_calls", "tool_results")
_FIELDS = tuple(f.name for f in fields(Call) if f.name not in _LEFT_OUT)
COLUMNS = ("usd", *(_RENAMED.get(name, name) for name in _FIELDS))
"""`usd` is what counts as spent: billed, else our price, "0" on a flat plan; empty when unknown."""


def write(calls: Iterable[Call], facts: Facts, out: TextIO) -> Written:
    """Write the calls; unpriced ones are there, with empty amounts."""
    written, writer = Written(), csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for call in calls:
        writer.writerow(row(call))
        written.calls += 1
        written.rows += 1
        written.unpriced_calls += call.unpriced
    return written


def row(call: Call) -> list[str]:
    """One call as cells, in the order of `COLUMNS`."""
    cells = ["" if call.unpriced else cell(from_pico(paid_pico(call)))]
    for name in _FIELDS:
        value = getattr(call, name)
        if name == "start_us":
            value = moment(value)
        elif name.endswith("_pico") and value is not None:
            value = from_pico(value)
        cells.append(cell(value))
    return cells
