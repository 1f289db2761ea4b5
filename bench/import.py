"""Import: MB/s of real transcripts to booked rows, the first run and the second, beside ccusage.

    python -m bench.import [--mb 200] [--runs 3]

The corpus is grown from the transcripts in ../shared/data: every copy has ids of its own. Each
figure is the best of its runs, the variants taken in turn, in processes of their own. Must reach:
first pass 150 MB/s, second run ten times faster than ccusage.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).parent.parent.parent / "shared" / "data" / "claude_code"
OURS = (b'"msg_', b'"req_', b'"uuid":"', b'"parentUuid":"', b'"sessionId":"', b'"toolu_')
CCUSAGE = "ccusage@20.0.24"  # the last whose Linux binary was found on npm

FIRST_PASS = """
import sys, time
from pathlib import Path
from types import SimpleNamespace  # the importer without its second pass
from finops_pack import importers
from finops_pack.importers import Options, claude_code
names = ("__name__", "NAME", "HELP", "AGENT", "default_paths", "files", "read")
calls = SimpleNamespace(**{name: getattr(claude_code, name) for name in names})
began = time.perf_counter()
summary = importers.run(calls, [Path(sys.argv[1])], Options(ledger=sys.argv[2]))
print(time.perf_counter() - began, summary.new)
"""
BASELINE = """
import json, sys, time
from pathlib import Path
began = time.perf_counter()
found = 0
for path in Path(sys.argv[1]).rglob("*.jsonl"):
    for line in path.read_bytes().split(b"\\n"):
        if b'"usage"' in line:
            found += json.loads(line).get("type") == "assistant"
print(time.perf_counter() - began, found)
"""


def grow(target: Path, megabytes: int) -> int:
    """Copies of the real transcripts with new ids, that many MB; returns their bytes."""
    total = number = 0
    while total < megabytes * 1_000_000:
        tag = b"c%d" % number
        for path in sorted(SOURCE.rglob("*.jsonl")):
            data = path.read_bytes()
            for start in OURS:
                data = data.replace(start, start + tag)
            copy = target / f"-home-me-{number}" / _renamed(path.relative_to(SOURCE), tag.decode())
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(data)
            total += len(data)
        number += 1
    return total


def _renamed(path: Path, tag: str) -> Path:
    """Sessions are named by their id, in folders too."""
    return Path(*(tag + part if part.count("-") > 3 else part for part in path.parts))


def surroundings(home: Path) -> dict[str, str]:
    """A home of its own, and Python compiled as an installer leaves it."""
    ours = {
        "HOME": home,
        "CLAUDE_CONFIG_DIR": home / ".claude",
        "PYTHONPYCACHEPREFIX": home / "pyc",
    }
    ours |= {name: home / name for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME")}
    environment = {**os.environ, **{name: str(path) for name, path in ours.items()}}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def timed(command: list[str], home: Path) -> float:
    """Seconds of wall time of one process."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=surroundings(home))
    return time.perf_counter() - began


def said(program: str, home: Path, *arguments: str) -> float:
    """The seconds that a Python program prints."""
    command = [sys.executable, "-c", program, *arguments]
    environment = surroundings(home)
    made = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(made.stdout.split()[0])


def ccusage(folder: Path) -> list[str] | None:
    """The command of ccusage, installed with npm; None, and the reason printed, without it."""
    npm = shutil.which("npm")
    if npm is None:
        print("ccusage: not measured: there is no npm")
        return None
    command = [npm, "install", "--silent", "--prefix", str(folder), CCUSAGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    binary = folder / "node_modules" / ".bin" / "ccusage"
    if done.returncode or not binary.exists():
        print(f"ccusage: not measured: npm could not install {CCUSAGE}")
        return None
    return [str(binary), "daily", "--offline", "--json"]


def measure(home: Path, runs: int) -> dict[str, float]:
    """The best seconds of each variant."""
    logs = str(home / ".claude" / "projects")
    finops = [sys.executable, "-m", "finops_pack", "import", "claude-code", "--ledger"]
    rival = ccusage(home / "npm")
    best: dict[str, float] = {}

    def take(name: str, seconds: float) -> None:
        best[name] = min(best.get(name, seconds), seconds)

    for run in range(runs):
        ledger = str(home / f"{run}.db")
        ours = [*finops, ledger]
        take("json.loads of lines with usage", said(BASELINE, home, logs))
        take("first pass: every call booked", said(FIRST_PASS, home, logs, f"{ledger}1"))
        take("first run: both passes", timed(ours, home))
        take("second run", timed(ours, home))
        if rival:
            take("ccusage", timed(rival, home))
    return best


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--mb", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if not SOURCE.is_dir():
        print(f"not measured: the real transcripts are not at hand ({SOURCE} is absent)")
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        size = grow(home / ".claude" / "projects", args.mb) / 1e6
        best = measure(home, args.runs)
    if args.json:
        print(json.dumps({"megabytes": size, "seconds": best}))
        return
    print(f"{size:.0f} MB of transcripts, best of {args.runs}")
    for name, seconds in best.items():
        print(f"  {name:<32} {seconds:7.3f} s  {size / seconds:7.0f} MB/s")
    if "ccusage" in best:
        ratio = best["ccusage"] / best["second run"]
        print(f"  second run: {ratio:.1f} times faster than ccusage")


if __name__ == "__main__":
    main()
