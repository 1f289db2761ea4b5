"""Both stores: transactions, forward migrations, and many writers at once."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest

from finops_pack.errors import ConfigError, LedgerUnreachable
from finops_pack.server import accounts
from finops_pack.server.stores import Busy, open_database, schema, sqlite
from tests.server.conftest import PASSWORD


def test_a_failed_transaction_leaves_nothing(db):
    insert = "INSERT INTO failure (bucket, count, since) VALUES (?, ?, ?)"

    def fail():
        with db.write() as t:
            t.run(insert, ("a", 1, "x"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert db.read("SELECT * FROM failure") == []
    with db.write() as t:
        t.run(insert, ("b", 1, "x"))
    assert [row["bucket"] for row in db.read("SELECT * FROM failure")] == ["b"]


def test_a_file_that_another_program_holds_is_busy_and_recovers(tmp_path, monkeypatch):
    monkeypatch.setitem(sqlite._CONNECTION, "timeout", 0.05)
    db = open_database(str(tmp_path / "server.db"))
    other = sqlite3.connect(tmp_path / "server.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    insert = "INSERT INTO failure (bucket, count, since) VALUES ('a', 1, 'x')"
    with pytest.raises(Busy), db.write() as t:
        t.run(insert)
    other.execute("ROLLBACK")
    other.close()
    with db.write() as t:
        t.run(insert)
    assert len(db.read("SELECT * FROM failure")) == 1
    with pytest.raises(sqlite3.OperationalError), db.write() as t:
        t.run("SELECT * FROM nowhere")
    db.close()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts open files")
def test_a_thread_that_ends_leaves_no_file_open(tmp_path):
    db = open_database(str(tmp_path / "server.db"))
    db.read("SELECT * FROM failure")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        thread = threading.Thread(target=db.read, args=("SELECT * FROM failure",))
        thread.start()
        thread.join()
    assert len(os.listdir("/proc/self/fd")) == before
    db.close()


def test_steps_are_taken_once_and_forward(db, monkeypatch):
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, ("CREATE TABLE extra (a TEXT)",)))
    for _ in range(2):
        with db.write() as t:
            schema.migrate(t)
    assert db.read("SELECT * FROM extra") == []
    assert db.read("SELECT version FROM schema_version") == [{"version": len(schema.STEPS)}]


def test_a_store_of_a_newer_program_is_left_alone(db, monkeypatch):
    monkeypatch.setattr(schema, "STEPS", ())
    with pytest.raises(ConfigError, match="version"), db.write() as t:
        schema.migrate(t)


def test_threads_write_without_loss(db):
    with db.write() as t:
        t.run("INSERT INTO failure (bucket, count, since) VALUES ('a', 0, 'x')")

    def work():
        for _ in range(20):
            with db.write() as t:
                t.run("UPDATE failure SET count = count + 1")
            db.read("SELECT count FROM failure")

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db.read("SELECT count FROM failure") == [{"count": 100}]


def add(url: str) -> None:
    """What another process does."""
    store = open_database(url)
    for _ in range(20):
        with store.write() as t:
            t.run("UPDATE failure SET count = count + 1")
    store.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_processes_share_one_store(kind, tmp_path, request):
    sqlite = kind == "sqlite"
    url = str(tmp_path / "s.db") if sqlite else request.getfixturevalue("postgres_url")
    store = open_database(url)
    with store.write() as t:
        t.run("INSERT INTO failure (bucket, count, since) VALUES ('a', 0, 'x')")
    context = multiprocessing.get_context("spawn")
    others = [context.Process(target=add, args=(url,)) for _ in range(2)]
    for process in others:
        process.start()
    for process in others:
        process.join(60)
    assert [process.exitcode for process in others] == [0, 0]
    assert store.read("SELECT count FROM failure") == [{"count": 40}]
    store.close()


def test_the_file_is_for_its_owner_alone(tmp_path):
    path = tmp_path / "new" / "server.db"
    open_database(str(path)).close()
    assert os.stat(path).st_mode & 0o077 == 0
    assert os.stat(path.parent).st_mode & 0o077 == 0


def test_what_cannot_be_opened_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerUnreachable):
        open_database(str(tmp_path / "file" / "s.db"))
    (tmp_path / "other.db").write_text("this is no database, it is only some text" * 100)
    with pytest.raises(LedgerUnreachable):
        open_database(str(tmp_path / "other.db"))
    with pytest.raises(LedgerUnreachable, match=r"127\.0\.0\.1"):
        open_database("postgresql://u:hidden@127.0.0.1:1/x")
    with pytest.raises(ConfigError):
        open_database("mysql://x")


def test_an_account_outlives_its_process(tmp_path):
    url = str(tmp_path / "s.db")
    first = open_database(url)
    made = accounts.create(first, "me@acme.test", PASSWORD)
    first.close()
    again = open_database(url)
    assert accounts.by_password(again, "me@acme.test", PASSWORD) == made
    again.close()


@contextmanager
def database(server: str, name: str, how: str = "") -> Iterator[Callable[[str], object]]:
    """A database of its own; what is yielded runs a statement as its administrator."""
    with (
        psycopg.connect(f"{server}/postgres", autocommit=True) as connection,
        closing(connection.cursor()) as cursor,
    ):
        cursor.execute(f"CREATE DATABASE {name} {how}")
        yield cursor.execute
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_database_without_an_encoding_holds_text(postgres_server):
    how = "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    with (
        database(postgres_server, "bare", how),
        closing(open_database(f"{postgres_server}/bare")) as store,
    ):
        made = accounts.create(store, "me@acme.test", PASSWORD, "Zürich")
        assert made == accounts.by_password(store, "me@acme.test", PASSWORD)
        assert made.company_name == "Zürich"


def test_a_database_that_is_a_replica_for_now_is_busy(postgres_server):
    with (
        database(postgres_server, "replica") as administer,
        closing(open_database(f"{postgres_server}/replica")) as store,
    ):
        administer("ALTER DATABASE replica SET default_transaction_read_only = on")
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        administer(f"{others} WHERE datname = 'replica'")
        with pytest.raises(Busy):
            accounts.create(store, "me@acme.test", PASSWORD)


def test_writers_are_isolated_as_we_need_it_whatever_the_databases_default(postgres_server):
    with database(postgres_server, "strict") as administer:
        administer("ALTER DATABASE strict SET default_transaction_isolation = 'serializable'")
        with closing(open_database(f"{postgres_server}/strict")) as store, store.write() as t:
            isolation = t.run("SHOW transaction_isolation")
    assert isolation == [{"transaction_isolation": "read committed"}]


def test_a_table_may_gain_a_column_under_a_running_server(postgres_url):
    with closing(open_database(postgres_url)) as store:
        made = accounts.create(store, "me@acme.test", PASSWORD)
        for _ in range(10):  # psycopg prepares what it has seen five times
            accounts.by_id(store, made.id)
        with psycopg.connect(postgres_url) as newer:
            newer.execute("ALTER TABLE account ADD COLUMN extra TEXT")
        assert accounts.by_id(store, made.id) == made
