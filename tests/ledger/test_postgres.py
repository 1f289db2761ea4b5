"""The contract of every store, held by PostgreSQL too: the tests of `test_store` once more."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from finops_pack.errors import LedgerUnreachable
from finops_pack.ledger import Ledger, open_ledger
from tests.ledger.test_store import *  # noqa: F403 - the same tests, by their names


@pytest.fixture
def new_ledger(postgres_url: str) -> Iterator[Callable[[], Ledger]]:
    """Empty ledgers of one server; a second one empties the first."""
    import psycopg

    made: list[Ledger] = []

    def make() -> Ledger:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        made.append(open_ledger(postgres_url))
        return made[-1]

    yield make
    for ledger in made:
        ledger.close()


ABSENT = "postgresql://nobody@127.0.0.1:1/none?connect_timeout=1"


def test_an_absent_server_is_said_so_in_time_and_once(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(LedgerUnreachable, match=r"127\.0\.0\.1:1"):
        open_ledger(ABSENT)
    assert caplog.records == []


def test_the_hosts_own_pools_are_heard(caplog: pytest.LogCaptureFixture) -> None:
    from psycopg_pool import ConnectionPool

    with ConnectionPool(ABSENT, min_size=1, name="the host's", open=True):
        for _ in range(100):
            if caplog.records:
                break
            time.sleep(0.02)
    assert "the host's" in caplog.text
