"""Results of Anthropic's Message Batches: the `.jsonl` behind a batch's `results_url`.

A line is `{"custom_id", "result": {"type", "message" | "error"}}`. A message tells no time: the
calls are dated by the file, or better by the batch's end with a file named `*_YYYY-MM-DD*`.
Requests that errored, expired or were cancelled cost nothing.

Source: the Message Batches reference (`MessageBatchIndividualResponse`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finops_pack.importers._anthropic import counts, fill
from finops_pack.importers._batches import BATCH, failed, results
from finops_pack.importers._lines import jsonl_files, nowhere, text
from finops_pack.importers._state import Item, State

NAME = "anthropic-batch"
HELP = "results of Anthropic's Message Batches"
AGENT = False
default_paths, files = nowhere, jsonl_files


def read(path: Path, state: State) -> Iterator[Item]:
    """Every request of the batch, failed ones at no cost."""
    yield from results(path, call)


def call(record: Mapping[str, Any], at_us: int) -> dict[str, Any]:
    """One line of the file as a call; raises `ValueError`, `KeyError` or `TypeError`."""
    name, outcome = text(record["custom_id"], "custom_id"), record["result"]
    row = {**BATCH, "start_us": at_us, "provider": "anthropic"}
    if outcome["type"] != "succeeded":
        error = (outcome.get("error") or {}).get("error") or {}
        return {**row, "id": name, **failed(error.get("type") or outcome["type"])}
    message = outcome["message"]
    row = {
        **row,
        "id": text(message["id"], "message.id"),
        "response_id": message["id"],
        "model": text(message["model"], "message.model"),
        "finish_reason": message.get("stop_reason"),
    }
    return fill(row, counts(message["usage"]))
