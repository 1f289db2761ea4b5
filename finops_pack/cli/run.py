"""`finops run -- CMD`: any Python command tracked, its children too, without a change to it."""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

import finops_pack
from finops_pack.errors import InputError

HELP = "run a Python command, and all that it starts, tracked"
SITE = Path(finops_pack.__file__).parent / "_site"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Example: finops run -- uvicorn app:app --workers 4"""
    parser.add_argument("--ledger", metavar="URL", help="where its calls go")
    parser.add_argument("--project", help="the project of its calls")
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- CMD ...")


def run(args: argparse.Namespace) -> int:
    """Become that command: its signals and its exit code are its own."""
    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not command:
        raise InputError("no command given", mend="finops run -- python your_agent.py")
    program = shutil.which(command[0])
    if program is None:
        raise InputError(f"{command[0]}: no such command", mend="name it as in a shell")
    os.execve(program, command, environment(args.ledger, args.project))  # noqa: S606


def environment(ledger: str | None = None, project: str | None = None) -> dict[str, str]:
    """This process's environment, with tracking for every Python that is started in it."""
    paths = [str(SITE), *filter(None, [os.environ.get("PYTHONPATH")])]
    made = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    if ledger:
        made["FINOPS_LEDGER"] = ledger
    if project:
        made["FINOPS_PROJECT"] = project
    return made
