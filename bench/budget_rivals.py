"""The same budget test on shekel, agentbudget, agenticmeter and ours: dollars beyond the cap.

    python -m bench.budget_rivals

A budget of $0.03, a provider of our own that bills every HTTP call at gpt-4o's price of
$0.00375, and agents that make up to 10 calls each through OpenAI's SDK:

    four processes     share one budget
    unknown model      a deployment's name that no table has, billed like gpt-4o
    swallowed          one agent that catches every exception and goes on, 20 calls

The rivals come from PyPI into an environment of their own that is thrown away; one that
cannot be installed or imported is skipped with the reason. `Beyond` is what was billed over
the cap; up to one call of $0.00375 is the price of counting after the fact.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from finops_pack.testing import Reply, Wire

TOP = Path(__file__).parent.parent
CHILD = Path(__file__).parent / "_budget_child.py"
RIVALS = {"shekel": "shekel==1.2.0", "agentbudget": "agentbudget==0.4.0",
          "agenticmeter": "agenticmeter==0.4.1"}  # fmt: skip
PRICE, CAP = Decimal("0.00375"), Decimal("0.03")
USAGE = {
    "prompt_tokens": 1000,
    "completion_tokens": 200,
    "total_tokens": 1200,
    "prompt_tokens_details": {"cached_tokens": 600},
}
CASES = {  # name -> (processes, model, calls, swallow)
    "four processes": (4, "gpt-4o", 10, "no"),
    "unknown model": (1, "prod-deployment-7", 20, "no"),
    "swallowed": (1, "gpt-4o", 20, "yes"),
}


def environment(folder: Path) -> tuple[str, dict[str, str]]:
    """(its Python, rival -> why it cannot be measured)."""
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    reasons = {}
    for name, spec in {"openai": "openai", **RIVALS}.items():
        done = subprocess.run([*install, spec], capture_output=True, text=True)
        if not done.returncode:
            done = subprocess.run([python, "-c", f"import {name}"], capture_output=True, text=True)
        if done.returncode:
            reasons[name] = (done.stderr.strip().splitlines() or ["no reason told"])[-1]
    return python, reasons


def billed(python: str, library: str, case: tuple[int, str, int, str]) -> tuple[Decimal, str]:
    """(USD that the provider billed, what the agents say stopped them)."""
    processes, model, calls, swallow = case

    def answer(path: str, body: Mapping[str, Any]) -> Reply:
        return Reply(usage=USAGE, model=str(body["model"]), delay=0.05)

    with tempfile.TemporaryDirectory() as folder, Wire(answer) as wire:
        held = {**os.environ, "HOME": folder, "XDG_STATE_HOME": folder, "XDG_CONFIG_HOME": folder}
        if library == "ours":
            held["PYTHONPATH"] = str(TOP)
        words = [python, str(CHILD), library, wire.openai_url, model, str(CAP), str(calls), swallow]
        agents = [
            subprocess.Popen(words, env=held, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True)
            for _ in range(processes)
        ]  # fmt: skip
        said = [agent.communicate(timeout=300) for agent in agents]
        last = [(out.strip() or err.strip()).splitlines()[-1] for out, err in said]
        return wire.calls * PRICE, ", ".join(sorted(set(last)))


def main() -> int:
    """Print the table; 1 if ours let through a dollar beyond the cap."""
    worst = Decimal(0)
    with tempfile.TemporaryDirectory() as folder:
        python, reasons = environment(Path(folder))
        print(f"{'':<14}{'case':<16}{'billed':>10}{'beyond':>10}  stopped by   (cap ${CAP})")
        for library in ("ours", *RIVALS):
            why = reasons.get(library) or reasons.get("openai")
            if why and library != "ours":
                print(f"{library:<14}skipped: {why}")
                continue
            for name, case in CASES.items():
                usd, said = billed(sys.executable if library == "ours" else python, library, case)
                beyond = max(usd - CAP, Decimal(0))
                print(f"{library:<14}{name:<16}{usd:>10}{beyond:>10}  {said}", flush=True)
                worst = max(worst, beyond) if library == "ours" else worst
    return int(worst > 0)


if __name__ == "__main__":
    sys.exit(main())
