"""`finops demo`: the whole thing in a minute, offline, without a key."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from finops_pack import config
from finops_pack.cli import _out
from finops_pack.errors import InputError

HELP = "a real agent against a scripted provider, and what is known of it afterwards"
NEEDED = ("langchain", "langchain_openai")
LOGS = Path("~/.claude/projects")
SHOWN: tuple[tuple[str, ...], ...] = (
    (),
    ("spend", "--by", "action"),
    ("waste",),
    ("report", "--date", "today"),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops demo"""
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(args: argparse.Namespace) -> int:
    """Run the agent in a ledger of its own, then show it with the ordinary commands."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise InputError(
            f"the demo's agent needs {' and '.join(missing)}",
            mend="pip install langchain langchain-openai; or in a checkout: make demo",
        )
    with tempfile.TemporaryDirectory(prefix="finops-demo-") as folder, _ledger_in(folder):
        done = _answer()
        if args.json:
            _document(done)
            return 0
        _tell(done)
        for words in SHOWN:
            _show(words)
    _offer()
    _next()
    return 0


@contextmanager
def _ledger_in(folder: str) -> Iterator[None]:
    """Settings of the demo alone: the user's own ledger is never touched."""
    before, where = dict(os.environ), Path.cwd()
    for name in [name for name in before if name.startswith("FINOPS_")]:
        del os.environ[name]
    os.environ["FINOPS_LEDGER"] = str(Path(folder) / "ledger.db")
    os.environ["FINOPS_SPOOL_DIR"] = folder
    os.environ["FINOPS_PROJECT"] = "demo"
    os.environ["XDG_CONFIG_HOME"] = folder  # nobody's settings and tables but ours
    os.chdir(folder)
    config.reload()
    try:
        yield
    finally:
        os.chdir(where)
        os.environ.clear()
        os.environ.update(before)
        config.reload()


def _answer() -> dict[str, Any]:
    """Run the agent as a process of its own; what it says it has done."""
    began = time.monotonic()
    agent = [sys.executable, "-m", "finops_pack.testing.agent"]
    done = subprocess.run(agent, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"the demo's agent failed: {done.stderr.strip()[-400:]}")
    return {**json.loads(done.stdout), "seconds": round(time.monotonic() - began, 1)}


def _document(done: dict[str, Any]) -> None:
    from finops_pack import query

    with query.open() as reader:
        period = query.Period.of("1d", zone=reader.zone)
        spend = reader.spend("action", period).to_dict()
        waste = reader.waste(period).to_dict()
    _out.document("finops.demo", {**done, "spend": spend, "waste": waste})


def _tell(done: dict[str, Any]) -> None:
    print(
        f"A LangChain agent answered {done['answered']} tickets with {done['http_requests']} HTTP "
        f"requests ({done['seconds']} s),\nagainst a scripted provider on this machine. "
        "Its only line about money:  import finops_pack.auto"
    )


def _show(words: tuple[str, ...]) -> None:
    from finops_pack.cli import main

    print(f"\n$ {' '.join(('finops', *words))}", flush=True)
    main(words)
    sys.stdout.flush()


def _offer() -> None:
    """Where a coding agent left its logs, offer to read them."""
    logs = LOGS.expanduser()
    if not logs.is_dir():
        return
    print(f"\nClaude Code has left logs in {logs}.")
    if not sys.stdin.isatty():
        print("See what it spent:  finops import claude-code && finops spend --by project")
        return
    if input("Read them into your ledger now? [y/N] ").strip().lower() in ("y", "yes"):
        from finops_pack.cli import main

        main(["import", "claude-code"])


def _next() -> None:
    print(
        "\nNow with your own agent, either of:\n"
        "  finops run -- python your_agent.py       no change to the code\n"
        "  import finops_pack.auto                  as its first line\n"
        "and then:  finops\n"
        "A limit that holds:  finops budget set '5 USD/day'"
    )
