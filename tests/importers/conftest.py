"""A ledger of its own for every test, and importers that run into it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from finops_pack import importers, recorder
from finops_pack.importers import Options, Summary
from finops_pack.ledger import Ledger, open_ledger
from finops_pack.model import Call, Where

Bring = Callable[..., Summary]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger that the recorder books into."""
    url = str(tmp_path / "ledger.db")
    recorder.configure(ledger=url)
    opened = open_ledger(url)
    yield opened
    opened.close()
    recorder.close()


@pytest.fixture
def bring(ledger: Ledger) -> Bring:
    """`bring("jsonl", path, …, billing=…)`: one import."""

    def run(name: str, *paths: Path, **options: Any) -> Summary:
        return importers.run(importers.load(name), paths, Options(ledger=ledger.url, **options))

    return run


@pytest.fixture
def calls(ledger: Ledger) -> Callable[[], list[Call]]:
    """All calls in the ledger, in order of start, those of flat plans too."""

    def read() -> list[Call]:
        found = [*ledger.calls(Where()), *ledger.calls(Where(billing="subscription"))]
        return sorted(found, key=lambda call: call.start_us)

    return read


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., Path]:
    """`lines(record, …, name="a.jsonl")`: a file with one JSON document (or raw text) a line."""

    def write(*records: Any, name: str = "log.jsonl") -> Path:
        path = tmp_path / "logs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        texts = (r if isinstance(r, str) else json.dumps(r, separators=(",", ":")) for r in records)
        path.write_text("".join(f"{text}\n" for text in texts))
        return path

    return write
