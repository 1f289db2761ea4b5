"""9,666 real calls with the gateway's bill: our price is that bill, to the last digit."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finops_pack import reconcile


def converted(source: Path, *, billed: bool) -> Iterator[dict[str, Any]]:
    """The rows of the file in our own line format."""
    with gzip.open(source, "rt", newline="") as file:
        for row in csv.DictReader(file):
            line = {
                "id": f"{row['task']}/{row['step']}",
                "time": datetime.fromtimestamp(int(row["created"]), UTC).isoformat(),
                "model": row["model"],
                "provider": "google",
                "task": row["task"],
                "finish_reason": row["fin"],
                "usage": {
                    "input_tokens": int(row["inp"]),
                    "cache_read_tokens": int(row["cached"]),
                    "output_tokens": int(row["out"]),
                    "reasoning_tokens": int(row["reason"]),
                },
            }
            if billed and row["cost"]:
                line["billed_usd"] = row["cost"]
            yield line


@pytest.fixture
def source(shared_data: Path) -> Path:
    return shared_data / "miniswe_calls_dev.csv.gz"


@pytest.fixture
def bills(source: Path) -> dict[str, Decimal]:
    """USD by id, of the calls that have one."""
    with gzip.open(source, "rt", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["cost"]]
    return {f"{row['task']}/{row['step']}": Decimal(row["cost"]) for row in rows}


def test_every_bill_is_reached_without_knowing_it(
    bring: Any, calls: Any, tmp_path: Path, source: Path, bills: dict[str, Decimal]
) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text("".join(json.dumps(c) + "\n" for c in converted(source, billed=False)))
    summary = bring("jsonl", path)
    assert (summary.new, summary.rejected) == (9_666, [])
    rows = calls()
    ours = {row.id: row.amount_usd for row in rows if row.id in bills}
    assert len(bills) == len(ours) == 9_456
    assert ours == bills
    assert sum(ours.values()) == Decimal("107.9270852")
    invalid = [row for row in rows if row.problems]
    assert len(invalid) == 7
    assert all(row.cost_state == "unpriced" and row.id not in bills for row in invalid)
    assert all("reasoning_tokens" in row.problems[0] for row in invalid)
    assert {row.cost_state for row in rows if not row.problems} == {"priced"}


def test_with_the_bills_there_is_nothing_to_reconcile(
    bring: Any, calls: Any, tmp_path: Path, source: Path
) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text("".join(json.dumps(c) + "\n" for c in converted(source, billed=True)))
    bring("jsonl", path)
    charges, billed = reconcile.own_bills(calls())
    found = reconcile.compare(charges, billed)
    assert (len(billed), found.total.billed_usd) == (9_456, Decimal("107.9270852"))
    assert {row.difference_usd for row in found.rows} == {Decimal(0)}
