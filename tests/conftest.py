"""Every test starts with an empty home and no setting of the person who runs it."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from finops_pack import config, recorder
from finops_pack.ledger import open_ledger
from finops_pack.model import Call, Where
from finops_pack.testing import Wire

# No test judges time: a busy machine is no failure.
settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")


def pytest_runtest_logfinish() -> None:
    """The frameworks are a gigabyte of objects, which each full collection looked at again."""
    gc.collect()
    gc.freeze()


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
    recorder.close()
    for thread in threading.enumerate():
        if thread.name == "finops-drainer":
            thread.join(5)  # else its last turn is in the home of whoever runs the tests
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


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a real PostgreSQL of our own; skips where none is installed, never in CI."""
    from tests import postgres

    folder = postgres.binaries()
    if folder is None:
        assert not os.environ.get("CI"), "CI needs PostgreSQL: apt-get install postgresql"
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with postgres.cluster(folder) as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """The URL of a database that is empty, and of nobody else's."""
    import psycopg

    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as connection:
        connection.execute(f"{others} AND datname = 'postgres'")
        # A database a test would be cleaner; making and removing one takes half a second.
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return f"{postgres_server}/postgres"


@pytest.fixture
def calls() -> Callable[[], list[Call]]:
    """Reads every call that was recorded so far, from the ledger, in order of start."""

    def read() -> list[Call]:
        assert recorder.flush(10)
        ledger = open_ledger(config.load().ledger)
        try:
            assert ledger.drain(10) == 0
            return list(ledger.calls(Where()))
        finally:
            ledger.close()

    return read
