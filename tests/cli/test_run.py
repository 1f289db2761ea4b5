"""`finops run`: whatever Python is started is tracked, and stays what it was."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from finops_pack.cli import main
from finops_pack.cli.run import SITE, environment
from finops_pack.model import Call

Calls = Callable[[], list[Call]]
AGENT = """
import sys
def work():
    if "finops_pack.auto" in sys.modules:
        import finops_pack
        finops_pack.record(model="gpt-4o", usage=finops_pack.Usage(10, 1))
"""
REAL = """
import sys
from openai import OpenAI
from finops_pack.testing import Wire
with Wire() as wire, OpenAI(base_url=wire.openai_url, api_key="none") as client:
    client.embeddings.create(model="text-embedding-3-small", input="hi")
print(sys.argv[1])
sys.exit(7)
"""


def start(*command: str, **more: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "finops_pack", "run", "--", *command]
    return subprocess.run(
        words, capture_output=True, text=True, env={**os.environ, **more}, check=False, timeout=60
    )


@pytest.fixture
def agent(tmp_path: Path) -> Callable[[str], str]:
    """Writes a script that can `work()`."""

    def write(code: str) -> str:
        path = tmp_path / "app.py"
        path.write_text(AGENT + textwrap.dedent(code))
        return str(path)

    return write


def test_a_script_its_arguments_and_its_exit_code(tmp_path: Path, calls: Calls) -> None:
    script = tmp_path / "agent.py"
    script.write_text(REAL)
    done = start(sys.executable, str(script), "--json")
    assert (done.returncode, done.stdout.strip()) == (7, "--json"), done.stderr
    assert [row.model for row in calls()] == ["text-embedding-3-small"]


def test_children_are_tracked(agent: Callable[[str], str], calls: Calls) -> None:
    code = """
        import multiprocessing, subprocess
        if __name__ == "__main__" and len(sys.argv) == 1:
            subprocess.run([sys.executable, __file__, "child"], check=True)
            for method in ("fork", "spawn"):
                child = multiprocessing.get_context(method).Process(target=work)
                child.start()
                child.join()
        elif __name__ == "__main__":
            work()
    """
    done = start(sys.executable, agent(code))
    assert done.returncode == 0, done.stderr
    assert len(calls()) == 3


def test_an_environments_own_sitecustomize_is_kept(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("print('mine')")
    code = "import sys, sitecustomize as s; print(s.__file__, 'finops_pack.auto' in sys.modules)"
    done = start(sys.executable, "-c", code, PYTHONPATH=str(own))
    assert done.stdout.split()[-3:] == ["mine", str(own / "sitecustomize.py"), "True"]


def test_an_interpreter_without_the_pack_finds_it(tmp_path: Path) -> None:
    """As after `pipx install`: the pack is found, and nothing that lies beside it."""
    code = (
        "import pathlib, sys, finops_pack\n"
        "finops_pack.record(model='gpt-4o', usage=finops_pack.Usage(1, 1))\n"
        "print('finops_pack.auto' in sys.modules, finops_pack.flush(5))\n"
        "print(str(pathlib.Path(finops_pack.__file__).parent.parent) in sys.path)"
    )
    bare = [os.path.realpath(sys.executable), "-s", "-c", code]  # not this environment's own
    done = subprocess.run(
        bare, capture_output=True, text=True, env=environment(), cwd=tmp_path, check=False
    )
    assert done.stdout.split() == ["True", "True", "False"], done.stderr


def test_disabled_it_runs_untracked(agent: Callable[[str], str], calls: Calls) -> None:
    done = start(sys.executable, agent("work()"), FINOPS_DISABLE="1")
    assert done.returncode == 0, done.stderr
    assert calls() == []


def test_what_cannot_be_run_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run"]) == 2
    assert main(["run", "--", "no-such-program-anywhere"]) == 2
    assert "no such command" in capsys.readouterr().err


def test_flags_become_settings() -> None:
    made = environment("/tmp/l.db", "desk")
    assert (made["FINOPS_LEDGER"], made["FINOPS_PROJECT"]) == ("/tmp/l.db", "desk")
    assert made["PYTHONPATH"].split(os.pathsep)[0] == str(SITE)


def test_a_server_with_spawned_workers(tmp_path: Path, calls: Calls) -> None:
    """uvicorn with two workers, none of which imports us."""
    (tmp_path / "served.py").write_text(
        AGENT
        + textwrap.dedent("""
        import asyncio
        async def app(scope, receive, send):
            if scope["type"] == "http":
                await asyncio.to_thread(work)
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": b"done"})
        """)
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["uvicorn", "served:app", "--workers", "2", "--port", str(port), "--lifespan", "off"]
    command = [sys.executable, "-m", "finops_pack", "run", "--", sys.executable, "-m", *words]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            answered = sum(_asked(port) for _ in range(4))
        finally:
            server.terminate()
    assert answered == 4
    assert len(calls()) == 4


def _asked(port: int) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
                return bool(answer.read() == b"done")
        except OSError:
            time.sleep(0.1)
    return False
