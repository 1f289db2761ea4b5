"""Tables of a test's own, and fresh ones after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from finops_pack import config, rates

WriteTable = Callable[..., Path]


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder of compiled tables for all tests: the shipped ones are compiled once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def fresh_tables(compiled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(compiled))
    rates.reload()
    yield
    rates.reload()


@pytest.fixture
def user_table(empty_home: Path) -> WriteTable:
    """Writes a table into the user's folder: `user_table("provider: openai\\n…")`."""

    def write(text: str, name: str = "mine.yaml") -> Path:
        path = config.config_dir() / "rates" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"schema: finops-rates/1\n{text}")
        rates.reload()
        return path

    return write
