"""The key of all hashes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from finops_pack.config._settings import Config
from finops_pack.places import config_dir, make

if TYPE_CHECKING:
    from pathlib import Path


def hash_key(settings: Config) -> bytes:
    """The key of all hashes: `FINOPS_HASH_KEY`, else a 0600 file made in the config folder.

    Where no file can be kept, one for this process alone.
    """
    if settings.hash_key:
        import hashlib

        return hashlib.sha256(settings.hash_key.encode()).digest()
    path = config_dir() / "hash_key"
    try:
        return _kept(path)
    except OSError:
        return os.urandom(32)


def _kept(path: Path) -> bytes:
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        _make(path)
        key = path.read_bytes()
    if not key:  # a power cut: without a key anybody could tell short texts by their hashes
        path.unlink(missing_ok=True)
        _make(path)
        key = path.read_bytes()
    return key


def _make(path: Path) -> None:
    """Whoever is first wins, all read the same."""
    make(path.parent)
    made = path.with_name(f"hash_key.{os.urandom(4).hex()}")
    try:
        with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(os.urandom(32))
            file.flush()
            os.fsync(file.fileno())
        os.link(made, path)
    except FileExistsError:
        pass
    finally:
        made.unlink(missing_ok=True)
