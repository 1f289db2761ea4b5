"""Where spools lie: the first folder that can be written, and all that may hold some."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING

from finops_pack import config

if TYPE_CHECKING:
    from pathlib import Path

_TEMPORARY = ("TMPDIR", "TEMP", "TMP")


def folders(ledger_id: str) -> list[Path]:
    """Every folder in which this ledger's spools may lie, best first; they need not exist."""
    from pathlib import Path

    return [Path(place) for place in places(ledger_id)]


def places(ledger_id: str) -> list[str]:
    """The same as text."""
    return list({os.path.join(base, ledger_id): None for base in _bases()})


def folder(ledger_id: str) -> Path | None:
    """The folder of this process's next spool, made if need be; None: none can be written."""
    return next((path for path in folders(ledger_id) if usable(path)), None)


def usable(path: Path) -> bool:
    """Make the folder; False when it cannot be made, written, or is somebody else's."""
    try:
        config.make(path)
        return os.access(path, os.W_OK | os.X_OK) and all(map(_ours, map(str, (path.parent, path))))
    except OSError:
        return False


def _bases() -> Iterator[str]:
    chosen = config.in_force().spool_dir
    if chosen:
        yield os.path.abspath(os.path.expanduser(chosen))
    yield os.path.join(config.home(*config.STATE), "spool")
    shared = [os.environ.get(name) for name in _TEMPORARY]
    name = f"finops-{os.getuid()}" if hasattr(os, "getuid") else "finops"
    for root in (*filter(None, shared), "/tmp", "/var/tmp", "/dev/shm"):  # noqa: S108 - checked
        place = os.path.join(root, name)
        if os.path.isdir(root) and (not os.path.lexists(place) or _ours(place)):
            yield place


def _ours(path: str) -> bool:
    """In a folder that all may write, anybody could have set a trap under our name.

    Somebody else's lines would be booked as our calls, and read into our budgets.
    """
    found = os.lstat(path)
    open_to_all = os.stat(os.path.dirname(path)).st_mode & stat.S_IWOTH
    if os.name == "nt" or not open_to_all:  # there modes say nothing
        return True
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
