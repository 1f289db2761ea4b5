"""The contract of every store, held by PostgreSQL too: the tests of `test_store` once more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from finops_pack.errors import InputError, LedgerOutdated, LedgerUnreachable
from finops_pack.ledger import Ledger, Reservation, ledger_id, normalise, open_ledger
from finops_pack.ledger.copy import copy
from finops_pack.ledger.spool import Spool, encode
from finops_pack.model import Where
from tests.ledger.test_store import *  # noqa: F403 - the same tests, by their names


@pytest.fixture
def new_ledger(postgres_url: str) -> Iterator[Callable[[], Ledger]]:
    """Empty ledgers of one server; a second one empties the first."""
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


def run(url: str, *statements: str) -> None:
    """What an administrator does."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


@contextmanager
def database(server: str, name: str, how: str = "") -> Iterator[str]:
    """The URL of a database of its own."""
    run(f"{server}/postgres", f"CREATE DATABASE {name} {how}")
    try:
        yield f"{server}/{name}"
    finally:
        run(f"{server}/postgres", f"DROP DATABASE {name} WITH (FORCE)")


def test_a_budget_holds_whatever_the_databases_isolation(postgres_server: str) -> None:
    granted: list[str] = []

    def spend(ledger: Ledger, name: str) -> None:
        wanted = Reservation(name, 6, 1, 2**62)
        if ledger.reserve(wanted, {"b": (Where(), 10)}, 5.0) is None:
            granted.append(name)

    with database(postgres_server, "isolated") as url:
        run(url, "ALTER DATABASE isolated SET default_transaction_isolation = 'repeatable read'")
        with closing(open_ledger(url)) as one, closing(open_ledger(url)) as two:
            with one._write() as _:  # type: ignore[attr-defined]
                late = [threading.Thread(target=spend, args=(two, name)) for name in "abc"]
                for thread in late:
                    thread.start()
                time.sleep(0.3)  # all of them wait for the lock by now
            for thread in late:
                thread.join(10)
    assert len(granted) == 1


def test_a_host_that_is_gone_in_mid_transaction_holds_the_lock_for_a_while(ledger: Ledger) -> None:
    with ledger._write() as db:  # type: ignore[attr-defined]
        assert db.all("SHOW idle_in_transaction_session_timeout") == [("30s",)]


def test_what_must_be_on_the_disk_is_whatever_the_servers_setting(postgres_server: str) -> None:
    with database(postgres_server, "hasty") as url:
        run(url, "ALTER DATABASE hasty SET synchronous_commit = off")
        with closing(open_ledger(url)) as ledger:
            with ledger._write(how="durable") as db:  # type: ignore[attr-defined]
                assert db.all("SHOW synchronous_commit") == [("on",)]
            with ledger._write() as db:  # type: ignore[attr-defined]
                assert db.all("SHOW synchronous_commit") == [("off",)]


def test_a_server_that_began_anew_refuses_nothing_and_is_not_spoken_of(
    ledger: Ledger,
    postgres_url: str,
    line: Callable[..., dict[str, object]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    ledger.book([line()])
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    run(postgres_url, f"{others} AND datname = current_database()")
    wanted = Reservation("r", 6, 1, 2**62)
    assert ledger.reserve(wanted, {"b": (Where(), 10**9)}, 0.25) is None
    assert caplog.records == []


def test_a_server_that_is_back_is_found_at_once(postgres_server: str) -> None:
    admin = f"{postgres_server}/postgres"
    with database(postgres_server, "away") as url, closing(open_ledger(url)) as ledger:
        run(admin, "ALTER DATABASE away ALLOW_CONNECTIONS false")
        run(admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'away'")
        until = time.monotonic() + 4
        while time.monotonic() < until:
            with pytest.raises(LedgerUnreachable):
                ledger.settle("c", None, 0.1)
        run(admin, "ALTER DATABASE away ALLOW_CONNECTIONS true")
        ledger.settle("c", None, 1.5)


def test_another_versions_ledger_gets_the_columns_it_lacks(
    postgres_url: str, line: Callable[..., dict[str, object]]
) -> None:
    open_ledger(postgres_url).close()
    old = "UPDATE meta SET value = '0.0.1' WHERE key = 'version'"
    run(postgres_url, "ALTER TABLE calls DROP COLUMN region", old)
    with pytest.raises(LedgerOutdated):
        open_ledger(postgres_url, read_only=True)
    with closing(open_ledger(postgres_url)) as ledger:
        assert ledger.book([line(region="eu")]).new == 1
    run(postgres_url, old)
    open_ledger(postgres_url, read_only=True).close()


def test_another_schema_is_no_absent_ledger(postgres_url: str) -> None:
    open_ledger(postgres_url).close()
    for version in (1, 99):
        run(postgres_url, f"UPDATE meta SET value = '{version}' WHERE key = 'schema'")
        with pytest.raises(LedgerOutdated):
            open_ledger(postgres_url, read_only=True)
    with pytest.raises(LedgerUnreachable, match="newer"):
        open_ledger(postgres_url, create=False)


def test_tables_of_the_same_name_in_other_schemas_are_not_ours(
    postgres_server: str, line: Callable[..., dict[str, object]]
) -> None:
    with database(postgres_server, "shared") as url:
        run(url, "CREATE SCHEMA other", "CREATE TABLE other.meta (a INT)")
        run(url, "CREATE TABLE other.calls (region TEXT)")
        with closing(open_ledger(url)) as ledger:
            assert ledger.book([line(region="eu")]).new == 1
            assert ledger.check() == []


def test_two_schemas_of_one_database_are_two_ledgers(
    postgres_url: str, line: Callable[..., dict[str, object]]
) -> None:
    run(postgres_url, "CREATE SCHEMA ours", "CREATE SCHEMA theirs")
    ours, theirs = (
        f"{postgres_url}?connect_timeout=9&options=-csearch_path%3D{schema}"
        for schema in ("ours", "theirs")
    )
    Spool(ledger_id(ours)).append(encode(line()))
    with closing(open_ledger(theirs)) as another, closing(open_ledger(ours)) as ledger:
        assert (another.drain(5), another.span()) == (0, None)
        assert (ledger.drain(5), ledger.totals(None, Where())[0].calls) == (0, 1)


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("postgres://me:secret@host/db", "postgresql://me@host/db"),
        ("postgresql://me@/db?host=/b&port=1", "postgresql://me@/db?host=%2Fb&port=1"),
        ("postgresql://host/db?sslmode=require&password=secret", "postgresql://host/db"),
        ("https://host/?options=x", "https://host/"),
    ],
)
def test_a_url_names_its_ledger_and_tells_no_password(url: str, named: str) -> None:
    assert normalise(url) == normalise(named) == named


def encoded(server: str, encoding: str) -> AbstractContextManager[str]:
    """A database of that encoding."""
    how = f"ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    return database(server, f"in_{encoding.lower()}", how)


def test_a_database_without_an_encoding_holds_every_name(
    postgres_server: str, line: Callable[..., dict[str, object]]
) -> None:
    with encoded(postgres_server, "SQL_ASCII") as url, closing(open_ledger(url)) as ledger:
        ledger.book([line(project="Zürich €")])
        assert [call.project for call in ledger.calls(Where())] == ["Zürich €"]


def test_a_database_that_cannot_hold_every_name_is_refused(postgres_server: str) -> None:
    with (
        encoded(postgres_server, "LATIN1") as url,
        pytest.raises(LedgerUnreachable, match="encoded in LATIN1"),
    ):
        open_ledger(url)


def test_names_that_only_sqlite_can_hold_arrive_without_what_cannot(
    tmp_path: Path, postgres_url: str, line: Callable[..., dict[str, object]]
) -> None:
    named = line("a", project="p\0q", tags={"k": "v\0w"}, response_id="r")
    told = [named, line("b\0"), line("c"), line("a\0", source="log", response_id="r")]
    with closing(open_ledger(str(tmp_path / "l.db"))) as source:
        source.book([*told, {"type": "task", "id": "t\0", "start_us": 1}])
        with closing(open_ledger(postgres_url)) as target:
            done = copy(source, target)
            assert (done.new, done.differing) == (3, [])
            assert copy(source, target).unchanged == 3
            assert {call.project for call in target.calls(Where())} == {"pq", None}
            assert target.check() == []


LONG = "".join(chr(0x4E00 + n * n * 7919 % 20_000) for n in range(1000))
"""A name that no index of PostgreSQL takes, since it cannot be compressed."""


def test_names_that_no_index_holds_are_cut_short_and_hold_up_nothing(
    ledger: Ledger, line: Callable[..., dict[str, object]]
) -> None:
    told = [line("a", project=LONG), line("b", tags={"url": LONG}), line("c", task="t" + LONG)]
    told.append({"type": "task", "id": "t" + LONG, "outcome": "succeeded"})
    booked = ledger.book([*told, line("d", agent="kept")], spool="s", offset=7)
    assert (booked.new, booked.rejected, ledger.offset("s")) == (4, (), 7)
    kept = {call.id: call for call in ledger.calls(Where())}
    assert kept["a"].project == LONG[:120]
    assert kept["b"].tags == {"url": LONG[:120]}
    assert kept["d"].agent == "kept"
    [task] = ledger.tasks(Where())
    assert (task.id, task.calls, task.outcome) == (("t" + LONG)[:120], 1, "succeeded")
    assert ledger.check() == []


def test_names_that_no_index_holds_are_cut_short_in_a_copy(
    tmp_path: Path, postgres_url: str, line: Callable[..., dict[str, object]]
) -> None:
    told = [line("a", project=LONG, task=LONG), line("b", agent="b" * 300, task="b" * 300)]
    told.append({"type": "event", "kind": "refusal", "key": LONG, "text": LONG})
    with closing(open_ledger(str(tmp_path / "l.db"))) as source:
        source.book(told)
        with closing(open_ledger(postgres_url)) as target:
            done = copy(source, target)
            assert (done.new, done.differing) == (2, [])
            agents = {call.id: (call.project, call.agent) for call in target.calls(Where())}
            assert agents == {"a": (LONG[:120], None), "b": (None, "b" * 300)}
            assert {task.id for task in target.tasks(Where())} == {LONG[:120], "b" * 300}
            assert target.get("refusal", LONG[:120]) == source.get("refusal", LONG)
            source.book([line("id" + LONG)])
            with pytest.raises(InputError, match="refuses the call id"):
                copy(source, target)
