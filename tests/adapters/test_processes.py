"""Servers, workers and pools that fork or spawn: every HTTP call is a row, once it is over."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from finops_pack.model import Call
from finops_pack.testing import Wire

Calls = Callable[[], list[Call]]
AGENT = """
import os
import openai

def ask(_=None):
    with openai.OpenAI(base_url=os.environ["WIRE"], api_key="none") as client:
        client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "hi"}]
        )
    return os.getpid()
"""
WSGI = """
import finops_pack.auto
from agent import ask
ask()  # in the parent, before it forks

def app(environ, start_response):
    start_response("200 OK", [])
    return [str(ask()).encode()]
"""
ASGI = """
import asyncio
from agent import ask

async def app(scope, receive, send):
    if scope["type"] == "http":
        body = str(await asyncio.to_thread(ask)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})
"""
CELERY = """
import finops_pack.auto
from celery import Celery
import agent

app = Celery("tasks", broker="filesystem://")
folders = {f"data_folder_{way}": "queue" for way in ("in", "out")}
app.conf.update(
    broker_transport_options=folders | {"control_folder": "control"},
    broker_connection_retry_on_startup=True,
    worker_prefetch_multiplier=1,
)
agent.ask()  # in the parent, before it forks

@app.task
def ask():
    agent.ask()
"""
POOL = """
import finops_pack.auto
import multiprocessing, os
from agent import ask

if __name__ == "__main__":
    ask()
    with multiprocessing.get_context("{method}").Pool(2) as pool:
        assert os.getpid() not in pool.map(ask, range(4))
        pool.close()
        pool.join()
    ask()
"""
RUN = [sys.executable, "-m", "finops_pack", "run", "--"]


@pytest.fixture
def app(tmp_path: Path, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Writes a module beside `agent.py`, whose `ask` asks the wire; the folder they are in."""
    monkeypatch.setenv("WIRE", wire.openai_url)
    (tmp_path / "agent.py").write_text(AGENT)

    def write(name: str, code: str) -> Path:
        (tmp_path / name).write_text(textwrap.dedent(code))
        return tmp_path

    return write


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[None]:
    """This command, until the block is over; then it is asked to end, and has ended."""
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answer(port: int) -> str:
    """The process id of the worker that answered."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as page:
                return str(page.read().decode())
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_gunicorn_with_preload(app: Callable[..., Path], wire: Wire, calls: Calls) -> None:
    port = free_port()
    bind = ["--preload", "--workers", "3", "--bind", f"127.0.0.1:{port}"]
    folder = app("served.py", WSGI)
    with running([sys.executable, "-m", "gunicorn", *bind, "served:app"], folder):
        workers = {answer(port) for _ in range(9)}
    assert wire.calls == len(calls()) == 10
    assert str(os.getpid()) not in workers


def test_uvicorn_with_spawned_workers(app: Callable[..., Path], wire: Wire, calls: Calls) -> None:
    """No line of the app names us: `finops run` is inherited by its workers."""
    port = free_port()
    words = ["uvicorn", "served:app", "--workers", "4", "--port", str(port), "--lifespan", "off"]
    with running([*RUN, sys.executable, "-m", *words], app("served.py", ASGI)):
        for _ in range(8):
            answer(port)
    assert wire.calls == len(calls()) == 8


def test_celery_prefork(app: Callable[..., Path], wire: Wire, calls: Calls) -> None:
    folder = app("tasks.py", CELERY)
    for name in ("queue", "control"):
        (folder / name).mkdir()
    send = "import tasks\nfor _ in range(6): tasks.ask.delay()"
    subprocess.run([sys.executable, "-c", send], cwd=folder, check=True, timeout=60)
    worker = ["celery", "-A", "tasks", "worker", "--pool", "prefork", "--concurrency", "2"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    deadline = time.monotonic() + 60
    with running([sys.executable, "-m", *worker, *quiet], folder):
        while wire.calls < 8 and time.monotonic() < deadline:  # one of each parent, and six
            time.sleep(0.05)
    assert wire.calls == len(calls()) == 8


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(app: Callable[..., Path], wire: Wire, calls: Calls, method: str) -> None:
    folder = app("pool.py", POOL.format(method=method))
    subprocess.run([sys.executable, "pool.py"], cwd=folder, check=True, timeout=120)
    assert wire.calls == len(calls()) == 6


def test_threads_of_an_executor_that_nobody_waits_for(
    app: Callable[..., Path], wire: Wire, calls: Calls
) -> None:
    """Python ends them itself at exit, before what we do there."""
    code = """
        import finops_pack.auto
        from concurrent.futures import ThreadPoolExecutor
        from agent import ask
        pool = ThreadPoolExecutor(3)
        for _ in range(6):
            pool.submit(ask)
    """
    folder = app("threads.py", code)
    subprocess.run([sys.executable, "threads.py"], cwd=folder, check=True, timeout=60)
    assert wire.calls == len(calls()) == 6
