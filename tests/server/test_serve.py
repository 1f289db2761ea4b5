"""`finops serve` as a person runs it: a process that says where it listens."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from finops_pack import cli
from finops_pack.server import accounts, run
from finops_pack.server.stores import open_database
from tests.server.conftest import PASSWORD

ROOT = Path(__file__).parents[2]


def finops(*words, folder, **more):
    environment = {**os.environ, "FINOPS_SERVER_DB": str(folder / "s.db")}
    command = [sys.executable, "-m", "finops_pack", *words]
    return subprocess.Popen(command, env=environment, cwd=ROOT, text=True, **more)


def test_create_account_once_and_sign_in(tmp_path, monkeypatch, capsys):
    import io

    path = str(tmp_path / "s.db")
    words = ["serve", "--db", path, "--create-account", "me@acme.test", "--company", "Acme"]
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
    assert cli.main([*words, "--password-stdin"]) == 0
    said = capsys.readouterr()
    made = said.out.strip()
    assert made.startswith("cust_")
    assert f"next: finops serve --db {path}; then" in said.err
    assert "finops connect --url http://127.0.0.1:8765 --email me@acme.test" in said.err
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
    assert cli.main([*words, "--password-stdin"]) == 2
    assert "exists already" in capsys.readouterr().err
    db = open_database(path)
    account = accounts.by_password(db, "me@acme.test", PASSWORD)
    assert (account.id, account.company_name) == (made, "Acme")
    db.close()


def test_it_says_where_it_listens_and_ends_on_sigterm(tmp_path):
    with finops("serve", "--port", "0", folder=tmp_path, stdout=subprocess.PIPE) as server:
        first = server.stdout.readline().strip()
        assert first.startswith("Listening on http://127.0.0.1:")
        base = first.split()[-1]
        assert httpx.get(f"{base}/healthz").json() == {"ok": True}
        assert "server" not in httpx.get(f"{base}/login").headers
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) in (0, -signal.SIGTERM)


def test_an_answer_does_not_wait_for_an_acknowledgement():
    """Which uvloop sees to, and asyncio alone does not: it cost 40 ms an answer."""
    with run.listen("127.0.0.1", 0) as listening:
        with socket.create_connection(listening.getsockname()):
            accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_taken_port_is_said(tmp_path, live, capsys, monkeypatch):
    monkeypatch.setenv("FINOPS_SERVER_DB", str(tmp_path / "other.db"))
    port = live.url.rpartition(":")[2]
    assert cli.main(["serve", "--port", port]) == 2
    assert "--port" in capsys.readouterr().err


def test_open_to_others_it_says_how_to_stand_behind_tls(tmp_path):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with finops("serve", "--host", "0.0.0.0", "--port", "0", folder=tmp_path, **pipes) as server:
        assert "Listening on" in server.stdout.readline()
        server.send_signal(signal.SIGTERM)
        assert "TLS" in server.stderr.read()


@pytest.mark.parametrize("words", [["--host", "0.0.0.0"], ["--host", "192.168.0.1"]])
def test_the_local_dashboard_stays_on_this_machine(words, capsys):
    assert cli.main(["serve", "--local", *words]) == 2
    assert "without --local" in capsys.readouterr().err


def test_a_store_that_cannot_be_opened(tmp_path, capsys):
    assert cli.main(["serve", "--port", "0", "--db", "mysql://x"]) == 2
    (tmp_path / "file").write_text("")
    assert cli.main(["serve", "--port", "0", "--db", str(tmp_path / "file" / "x.db")]) == 3
    assert "finops: server database" in capsys.readouterr().err
