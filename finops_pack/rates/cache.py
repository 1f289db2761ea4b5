"""Compiled tables on disk, so that a process seldom needs the YAML library (40 ms).

Keyed by content, so nothing here can be stale; beside it, for each path, which content was the
last good one: that stays in force while the file is broken.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from finops_pack import __version__
from finops_pack.config import CACHE, home, make
from finops_pack.errors import RatesError

FORM = f"{__version__}/4"  # to be raised whenever the compiled form, or what is refused, changes
Table = dict[str, Any]


def load(path: Path) -> tuple[Table | None, RatesError | None]:
    """(compiled table, None), or (its last good state or None, what is wrong with it now)."""
    try:
        content = path.read_bytes()
        key = hashlib.sha256(FORM.encode() + content).hexdigest()[:32]
        table = _stored(key) or _compiled(content, path, key)
        if _stored(_path_key(path)) != {"key": key}:
            _store(_path_key(path), {"key": key})
    except RatesError as error:
        return _last_good(path), error
    except OSError as error:
        return _last_good(path), RatesError(f"{path}: {error.strerror or error}")
    return table, None


def _compiled(content: bytes, path: Path, key: str) -> Table:
    from finops_pack.rates.tables import compile_table

    table = compile_table(content, str(path))
    _store(key, table)
    return table


def _last_good(path: Path) -> Table | None:
    pointer = _stored(_path_key(path))
    return _stored(str(pointer["key"])) if pointer else None


def _path_key(path: Path) -> str:
    return f"last-{hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:32]}"


def _folder() -> Path:
    return Path(home(*CACHE)) / "rates"


def _stored(key: str) -> Table | None:
    try:
        found = json.loads((_folder() / f"{key}.json").read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _store(key: str, table: Table) -> None:
    target = _folder() / f"{key}.json"
    partial = target.with_suffix(f".{os.getpid()}")
    try:
        make(target.parent)
        partial.write_text(json.dumps(table))
        partial.replace(target)
    except OSError:
        pass  # a folder that cannot be written costs time, never the price
