"""Logs of other tools into the ledger, again and again without doubling.

An importer is one module of this package, found by name:

    NAME                 the word on the command line, and the source of its rows
    HELP                 one line
    PLAN                 True when a flat plan may have paid for its calls (coding agents)
    default_paths()      where its logs lie; empty when one must be named
    files(path)          the files to read at or under a path
    read(path, state)    yields lines of the ledger and what had to be rejected
    details(path, state) optional second pass over the same file: what only analyses need

`read` moves `state.offset` on as it goes, and never beyond what it has yielded.
"""

from __future__ import annotations

import importlib
import pkgutil

from finops_pack.errors import InputError
from finops_pack.importers._run import Importer, Options, Progress, Summary, billing_of, run
from finops_pack.importers._state import Item, Rejected, State

__all__ = [
    "Importer",
    "Item",
    "Options",
    "Progress",
    "Rejected",
    "State",
    "Summary",
    "billing_of",
    "load",
    "names",
    "run",
]


def names() -> list[str]:
    """The importers by their word on the command line."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name.replace("_", "-") for name in found if not name.startswith("_"))


def load(name: str) -> Importer:
    """The importer of that name; raises `InputError` when there is none."""
    if name not in names():
        raise InputError(f"no importer {name!r}", mend=f"there are: {', '.join(names())}")
    module: Importer = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    return module
