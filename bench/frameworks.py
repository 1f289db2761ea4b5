"""What tracking adds to a call of each framework, beside langfuse, openinference and agentops.

Each (framework, tracker) is a process of its own, since trackers patch for good; all of one
framework live at once and take turns, a block of calls each, so that other work on the machine
meets all of them alike. The figure is the median of the differences to the untracked process in
the same round, beside its quartiles. A tracker that did not see every call is given no time.
Rivals are installed into folders that are thrown away; providers are answered inside the process,
rivals export to a server here that takes everything.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FRAMEWORKS = ("openai", "anthropic", "langchain", "crewai", "autogen")
TRACKERS = ("none", "finops_pack", "langfuse", "openinference", "agentops")
INSTRUMENTED = ("openai", "anthropic==1.1.2", "langchain", "crewai", "autogen-agentchat")
RIVALS = {
    "langfuse": ["langfuse==5.0.4"],
    "openinference": [f"openinference-instrumentation-{name}" for name in INSTRUMENTED],
    "agentops": ["agentops==0.4.21"],
}
CHILD = Path(__file__).parent / "_frameworks_child.py"
ROOT = Path(__file__).parent.parent
CALLS = 25  # in a block, of the child


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, sink() as url:
        install(Path(folder))
        print(f"load {os.getloadavg()[0]:.1f}, {rounds} rounds of {CALLS} calls")
        print("µs that a call takes more on the caller's thread: median, quartiles; on the clock\n")
        for framework in FRAMEWORKS:
            measure(framework, url, Path(folder), rounds)


def install(folder: Path) -> None:
    """Each rival into a folder of its own, beside the versions that we test with."""
    held = folder / "constraints.txt"
    ours = (ROOT / "constraints.txt").read_text().splitlines(keepends=True)
    older = ("packaging=", "psutil=", "termcolor=", "wrapt=")  # agentops wants them
    held.write_text("".join(line for line in ours if not line.startswith(older)))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "-c", str(held), "--target"]
    for name, packages in RIVALS.items():
        subprocess.run([*pip, str(folder / name), *packages], check=False, capture_output=True)


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

    def __init__(self, framework: str, tracker: str, url: str, folder: Path) -> None:
        home = folder / f"{framework}-{tracker}"
        home.mkdir()
        places = dict.fromkeys(("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"), str(home))
        quiet = {"CREWAI_DISABLE_TELEMETRY": "true", "LITELLM_LOCAL_MODEL_COST_MAP": "true"}
        path = {"PYTHONPATH": str(folder / tracker)}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(CHILD), framework, tracker, url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, cwd=home, env={**os.environ, **places, **quiet, **path},
        )  # fmt: skip
        said = self._hear()
        self.saw = said if isinstance(said, int) else 0
        self.fault = said if isinstance(said, str) else None

    def _hear(self) -> Any:
        assert self.process.stdout
        line = self.process.stdout.readline()
        return json.loads(line) if line else "it ended without a word"

    def block(self) -> tuple[float, float]:
        """µs a call of one block."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        wall, cpu = self._hear()
        return wall, cpu

    def end(self) -> None:
        """It and what it exports to are thrown away."""
        self.process.kill()
        self.process.communicate()


def measure(framework: str, url: str, folder: Path, rounds: int) -> None:
    """Measure and print one framework."""
    children = {tracker: Child(framework, tracker, url, folder) for tracker in TRACKERS}
    live = {name: child for name, child in children.items() if child.fault is None}
    try:
        times = [{name: child.block() for name, child in live.items()} for _ in range(rounds)]
    finally:
        for child in children.values():
            child.end()
    bare = statistics.median(round_["none"][1] for round_ in times)
    print(f"{framework}, untracked: {bare:.0f}")
    for tracker in TRACKERS[1:]:
        print(f"  {tracker:<14}{_said(children[tracker], tracker, times)}", flush=True)


def _said(child: Child, tracker: str, times: list[dict[str, tuple[float, float]]]) -> str:
    if child.fault is not None:
        return child.fault
    saw = f"saw {child.saw or 'none'} of {CALLS} calls"
    if child.saw != CALLS:
        return saw
    clock, _ = _added(times, tracker, 0)
    added, (low, high) = _added(times, tracker, 1)
    ours, _ = _added(times, "finops_pack", 1)
    ratio = "" if tracker == "finops_pack" else f", {added / ours:.1f} times ours"
    return f"{added:.0f} ({low:.0f} to {high:.0f}); {clock:.0f} on the clock{ratio}; {saw}"


def _added(
    times: list[dict[str, tuple[float, float]]], name: str, which: int
) -> tuple[float, tuple[float, float]]:
    """The median of the differences to the untracked, and their quartiles."""
    more = [round_[name][which] - round_["none"][which] for round_ in times]
    low, middle, high = statistics.quantiles(more, n=4)
    return middle, (low, high)


if __name__ == "__main__":
    main()
