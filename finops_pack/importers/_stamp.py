"""Whether anything has changed since the last import, told without opening the ledger.

A listing of all files with their sizes and times, and the ledger's own file, is kept in the
state folder: an import with nothing to do ends here. It is only a short cut; where it fails or
the ledger is on a server, the ledger says how far each file was read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from finops_pack import config
from finops_pack.importers._contract import File, Options


def found(options: Options, name: str, files: Sequence[File]) -> bool:
    """True when the last import of these logs into this ledger left them as they are."""
    try:
        return _place(options, name).read_text() == _listing(options, files)
    except (OSError, ValueError):
        return False


def leave(options: Options, name: str, files: Sequence[File]) -> None:
    """Remember the files as they were found; where that cannot be, nothing is remembered."""
    place = _place(options, name)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(_listing(options, files))
    except (OSError, ValueError):
        pass


def _listing(options: Options, files: Sequence[File]) -> str:
    path = (options.ledger or "").removeprefix("sqlite:///")
    ledger, born = os.stat(path), os.stat(f"{path}.lock").st_mtime_ns  # an inode is used again
    lines = [repr((ledger.st_dev, ledger.st_ino, born, options))]
    lines += [f"{path} {f.st_size} {f.st_mtime_ns}" if f else str(path) for path, f in files]
    return "\n".join(lines)


def _place(options: Options, name: str) -> Path:
    key = f"{options.source or name}-{options.ledger}"
    return config.state_dir() / "imports" / re.sub(r"[^\w.-]", "_", key)[-200:]
