"""The sub-commands of `finops`: one file each, found by name, imported when it is run.

A command module has `HELP` (one line), `arguments(parser)`, whose docstring is the example that
`--help` ends with, and `run(args) -> int`. A module whose name is a Python keyword ends in `_`
(`import_.py` is `finops import`); names that start with `_` are helpers. `finops` alone runs
`overview`.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from finops_pack import cli
from finops_pack.cli import _lazy, _out, _tame  # noqa: F401 - in this order: _lazy comes first
from finops_pack.errors import FinOpsError, InputError, LedgerUnreachable

DONE, OVER, USAGE, UNREACHABLE = 0, 1, 2, 3
_FRONT = "overview"


def commands() -> list[str]:
    """Every sub-command by its name on the command line."""
    import pkgutil

    found = (module.name for module in pkgutil.iter_modules(cli.__path__))
    return sorted(name.rstrip("_") for name in found if not name.startswith("_"))


def load(command: str) -> ModuleType:
    """The module behind a command; raises `InputError` when there is none."""
    for name in (command, f"{command}_"):
        full = f"{cli.__name__}.{name}"
        try:
            if command.isidentifier() and not command.startswith("_"):
                return importlib.import_module(full)
        except ModuleNotFoundError as error:
            if error.name != full:
                raise
    raise InputError(f"no command {command!r}", mend=_near(command))


def parser_for(command: str) -> argparse.ArgumentParser:
    """The real parser of one sub-command; its help ends with the examples of `arguments`."""
    module = load(command)
    parser = _Parser(
        prog=f"finops {command}",
        description=module.HELP,
        epilog=(module.arguments.__doc__ or "").strip(),
        formatter_class=_Help,
    )
    module.arguments(parser)
    return parser


class _Parser(argparse.ArgumentParser):
    """Raises what the command line says of every other mistake."""

    def error(self, message: str) -> NoReturn:
        unknown = message.partition("unrecognized arguments: ")[2].split()
        raise InputError(message, mend=self._meant(unknown) or f"see: {self.prog} --help")

    def _meant(self, unknown: Sequence[str]) -> str:
        """What somebody wanted to say with words that the command does not take."""
        flags = [flag for action in self._actions for flag in action.option_strings]
        for word in unknown:
            if word.startswith("--") and (near := _nearest(word.partition("=")[0], flags)):
                return f"did you mean: {near}"
            if self.prog == f"finops {_FRONT}" and word in commands():
                return f"the command comes first: finops {word} …"
        return ""


class _Help(argparse.HelpFormatter):
    """As wide as the terminal; argparse would import shutil for it at every start."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    asked = os.environ.get("COLUMNS", "")
    if asked.isdigit() and int(asked):
        return int(asked)
    try:
        return os.get_terminal_size().columns or 80
    except OSError:
        return 80


def run(words: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    if hasattr(sys.stdout, "reconfigure"):  # bars and arrows on a terminal that has none
        sys.stdout.reconfigure(errors=_tame.NEAR)
    command, rest = _split(words)
    if command is None:
        return _front(rest)
    with _tame.streams():
        return _guarded(command, rest)


def _split(words: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    if words and not words[0].startswith("-"):
        return words[0], words[1:]
    if not words or words[0] not in ("-h", "--help", "--version"):
        return _FRONT, words
    return None, words


def _front(words: Sequence[str]) -> int:
    if words[0] == "--version":
        from finops_pack import __version__

        print(f"finops-agent-pack {__version__}")
        return DONE
    print("usage: finops [COMMAND] [--help]\n\nKnow, explain and cap what your agents spend.\n")
    for name in commands():
        _out.say(load(name).HELP, f"  {name:<12} ", " " * 15)
    return DONE


def _near(command: str) -> str:
    near = _nearest(command, [*commands(), "--help", "--version"])
    return f"did you mean: finops {near}" if near else "see: finops --help"


def _nearest(word: str, known: Sequence[str]) -> str:
    import difflib

    return "".join(difflib.get_close_matches(word, known, n=1))


def _guarded(command: str, rest: Sequence[str]) -> int:
    as_json = "--json" in rest
    try:
        known = argparse.Namespace(words=[command, *rest])
        args = parser_for(command).parse_args(rest, known)
        return int(load(command).run(args))
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    except LedgerUnreachable as error:
        _out.failure(error, as_json)
        return UNREACHABLE
    except FinOpsError as error:
        _out.failure(error, as_json)
        return USAGE
    except (KeyboardInterrupt, EOFError):  # Ctrl-C, or Ctrl-D where something is asked
        return 130
