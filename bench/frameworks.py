"""What tracking adds to a call of each framework, beside langfuse, openinference and agentops.

Each (framework, tracker) is a process of its own, since trackers patch for good; all of one
framework live at once and take turns, a block of calls each, so that other work on the machine
meets all of them alike. The figure is the median of the differences to the untracked process in
the same round. Rivals are installed into an environment that is thrown away; providers are
answered inside the process, rivals export to a server here that takes everything.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import threading
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FRAMEWORKS = ("openai", "anthropic", "langchain", "crewai", "autogen")
TRACKERS = ("none", "finops_pack", "langfuse", "openinference", "agentops")
RIVALS = ("langfuse==5.0.4", "agentops==0.4.21", *(
    f"openinference-instrumentation-{name}"
    for name in ("openai", "anthropic", "langchain", "crewai", "autogen-agentchat")
))  # fmt: skip
CHILD = Path(__file__).parent / "_frameworks_child.py"
ROOT = Path(__file__).parent.parent


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, sink() as url:
        python = environment(Path(folder, "env"))
        print(f"load {os.getloadavg()[0]:.1f}, {rounds} rounds")
        print("added µs a call, on the caller's thread (on the clock)\n")
        print(f"{'':<12}{'untracked':>12}" + "".join(f"{name:>20}" for name in TRACKERS[1:]))
        notes = [line(name, python, url, Path(folder), rounds) for name in FRAMEWORKS]
    print("\nx: the rival's time on the caller's thread over ours; the clock tells load, too")
    print("about 0: as if that rival were not there; whether it saw the calls was not checked")
    print("\n".join(note for said in notes for note in said))


def environment(folder: Path) -> str:
    """An interpreter that has our packages, and the rivals on top where they install."""
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    there = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages/ours.pth"
    (folder / there).write_text(f"{sysconfig.get_path('purelib')}\n{ROOT}\n")
    for rival in RIVALS:
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", rival], check=False, capture_output=True
        )
    return python


@contextmanager
def sink() -> Iterator[str]:
    """A server that takes whatever is sent to it."""

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Taker) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class Child:
    """One (framework, tracker); `fault` says why it cannot be measured."""

    def __init__(self, python: str, framework: str, tracker: str, url: str, home: Path) -> None:
        places = dict.fromkeys(("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"), str(home))
        quiet = {"CREWAI_DISABLE_TELEMETRY": "true", "LITELLM_LOCAL_MODEL_COST_MAP": "true"}
        self.process = subprocess.Popen(
            [python, "-W", "ignore", str(CHILD), framework, tracker, url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, cwd=home, env={**os.environ, **places, **quiet},
        )  # fmt: skip
        said = self._hear()
        self.fault = None if said == "ready" else str(said)

    def _hear(self) -> object:
        assert self.process.stdout
        line = self.process.stdout.readline()
        return json.loads(line) if line else "it ended without a word"

    def block(self) -> tuple[float, float]:
        """µs a call of one block."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        wall, cpu = self._hear()  # type: ignore[misc]
        return wall, cpu

    def end(self) -> None:
        """It and what it exports to are thrown away."""
        self.process.kill()
        self.process.communicate()


def line(framework: str, python: str, url: str, folder: Path, rounds: int) -> list[str]:
    """Measure and print one framework; what could not be measured, and why."""
    children = {}
    for tracker in TRACKERS:
        home = folder / f"{framework}-{tracker}"
        home.mkdir()
        children[tracker] = Child(python, framework, tracker, url, home)
    live = {name: child for name, child in children.items() if child.fault is None}
    try:
        times = [{name: child.block() for name, child in live.items()} for _ in range(rounds)]
    finally:
        for child in children.values():
            child.end()
    bare = statistics.median(round_["none"][1] for round_ in times)
    added = {name: _added(times, name) for name in live if name != "none"}
    ours = added["finops_pack"][1]
    cells = [_cell(added.get(name), name, ours) for name in TRACKERS[1:]]
    print(f"{framework:<12}{bare:>12.0f}" + "".join(f"{cell:>20}" for cell in cells), flush=True)
    return [f"{framework}, {n}: {c.fault}" for n, c in children.items() if c.fault]


def _added(times: list[dict[str, tuple[float, float]]], name: str) -> tuple[float, float]:
    wall, cpu = (
        statistics.median(round_[name][i] - round_["none"][i] for round_ in times) for i in (0, 1)
    )
    return wall, cpu


def _cell(added: tuple[float, float] | None, name: str, ours: float) -> str:
    if added is None:
        return "–"
    ratio = "" if name == "finops_pack" else f" {added[1] / ours:.1f}x"
    return f"{added[1]:.0f} ({added[0]:.0f}){ratio}"


if __name__ == "__main__":
    main()
