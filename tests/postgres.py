"""A real PostgreSQL for the tests: a cluster of its own in a temporary folder."""

from __future__ import annotations

import glob
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg


def binaries() -> Path | None:
    """The folder of `initdb` and `postgres`, None when PostgreSQL is not installed."""
    found = shutil.which("initdb")
    folders = [os.path.dirname(found)] if found else sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    return Path(folders[-1]) if folders else None


@contextmanager
def cluster(folder: Path, *, durable: bool = False) -> Iterator[str]:
    """The URL of a server on a free port of 127.0.0.1, stopped and removed at the end."""
    root = Path(tempfile.mkdtemp(prefix="finops-pg-"))
    # PostgreSQL refuses to run as root: Debian's package brings a user for it.
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(root, user)
    data, port = root / "data", _free_port()
    initdb = [folder / "initdb", "-D", data, "-U", "finops", "-A", "trust", "--no-sync"]
    subprocess.run(initdb, check=True, user=user, cwd=root, stdout=subprocess.DEVNULL)
    options = ["-h", "127.0.0.1", "-p", str(port), "-k", root]
    options += [] if durable else ["-c", "fsync=off"]
    with (root / "log").open("wb") as log:
        server = subprocess.Popen(
            [folder / "postgres", "-D", data, *options], user=user, cwd=root, stderr=log, stdout=log
        )
    try:
        url = f"postgresql://finops@127.0.0.1:{port}"
        _await(url, server)
        yield url
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
        server.wait(30)
        shutil.rmtree(root, ignore_errors=True)


def _await(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert server.poll() is None, "PostgreSQL ended before it listened"
        try:
            psycopg.connect(f"{url}/postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("PostgreSQL did not start")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
