"""Logs of other tools into the ledger, again and again without doubling.

An importer is one module of this package, found by name:

    NAME                 the word on the command line, and the source of its rows
    HELP                 one line
    AGENT                True for logs of a coding agent: only what is new in them is read, and
                         a flat plan may have paid for their calls
    default_paths()      where its logs would lie; empty when one must be named
    files(path)          the files to read at or under a path
    read(path, state)    yields lines of the ledger and what had to be rejected
    details(path, state) optional second pass over the same file: what only analyses need
    late(path)           optional: True for a file that needs what others tell, read behind them

`read` moves `state.offset` on as it goes, and never beyond what it has yielded.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from finops_pack import again, config
from finops_pack.errors import InputError
from finops_pack.importers._contract import File, Importer, Options, Progress, Summary
from finops_pack.importers._state import Item, Rejected, State
from finops_pack.model import BillingMode

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
    "present",
    "run",
]

STDIN = Path("-")
_WHICH = "what is read, and what is found here: finops import"


def names() -> list[str]:
    """The importers by their word on the command line."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name.replace("_", "-") for name in found if not name.startswith("_"))


def load(name: str) -> Importer:
    """The importer of that name; raises `InputError` when there is none."""
    full = f"{__name__}.{name.replace('-', '_')}"
    try:
        if name.replace("-", "").isalnum():
            module: Importer = importlib.import_module(full)
            return module
    except ModuleNotFoundError as error:
        if error.name != full:
            raise
    raise InputError(f"no importer {name!r}", mend=f"there are: {', '.join(names())}")


def run(
    importer: Importer,
    paths: Sequence[Path],
    options: Options,
    progress: Progress | None = None,
) -> Summary:
    """Read what is new under `paths` into the ledger; a line that cannot be read costs itself.

    Raises `InputError` for a path that is not there, `LedgerUnreachable`.
    """
    files = [file for path in paths for file in _files(importer, path)]
    if late := getattr(importer, "late", None):
        files.sort(key=lambda file: bool(late(file[0])))
    options = replace(options, ledger=options.ledger or config.load().ledger)
    if not options.dry_run:
        for name in {importer.NAME, options.source or importer.NAME}:
            again.forget(name)  # who pays is kept by source
    from finops_pack.importers import _run

    return _run.run(importer, files, options, progress)


def present(importer: Importer) -> list[Path]:
    """Where its logs do lie on this machine."""
    return [path for path in importer.default_paths() if os.path.exists(path)]


def billing_of(source: str, ledger_url: str | None = None) -> BillingMode | None:
    """What was said before about who pays for the calls of this source."""
    from finops_pack.importers import _run

    return _run.billing_of(source, ledger_url or config.load().ledger)


def _files(importer: Importer, path: Path) -> Iterator[File]:
    if path == STDIN:
        yield path, None
        return
    try:
        path.stat()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file or folder", mend=_WHICH) from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", mend="see who may read it") from None
    path = path.absolute()
    for file in importer.files(path):
        with suppress(FileNotFoundError):  # a link to nowhere, or gone since it was listed
            found = _stat(file)
            if file == path or found is None or not stat.S_ISFIFO(found.st_mode):
                yield file, found  # a pipe among the logs may never have another end


def _stat(file: Path) -> os.stat_result | None:
    """What is known of a file; None where that is refused: who reads it will say why."""
    try:
        return file.stat()
    except FileNotFoundError:
        raise
    except OSError:  # a folder that may not be searched, a link to itself
        return None
