"""Every test starts with an empty home and no setting of the person who runs it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from finops_pack import config
from finops_pack.testing import Wire

DATA = Path(__file__).parent.parent.parent / "shared" / "data"


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """HOME and XDG folders in a temporary place, every FINOPS_ variable unset."""
    home = tmp_path / "home"
    home.mkdir()
    for name in [n for n in os.environ if n.startswith("FINOPS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / ".local" / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    config.reload()
    yield home
    config.reload()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real logs and labelled sets that stands beside a checkout."""
    if not DATA.is_dir():
        pytest.skip(f"real data is not at hand: {DATA} is absent")
    return DATA


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A scripted provider on 127.0.0.1 (OpenAI's and Anthropic's wire), with an empty script."""
    with Wire() as server:
        yield server
