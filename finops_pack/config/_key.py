"""The key of all hashes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from finops_pack.config._settings import Config
from finops_pack.places import config_dir

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
        path.parent.mkdir(parents=True, exist_ok=True)
        made = path.with_name(f"hash_key.{os.urandom(4).hex()}")
        with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(os.urandom(32))
        try:
            os.link(made, path)  # whoever is first wins, all read the same
        except FileExistsError:
            pass
        finally:
            made.unlink()
        key = path.read_bytes()
    return key
