"""Settings files: found, read, checked, and trusted or not."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from finops_pack.config._settings import ENV, LISTS, RISKY, Config
from finops_pack.errors import ConfigError
from finops_pack.places import config_dir, file_of, make, path_of

if TYPE_CHECKING:
    from pathlib import Path


def project_file(folder: Path) -> Path | None:
    """The nearest `finops.toml` at or above `folder`."""
    found = nearest(str(folder))
    return None if found is None else path_of(found)


def nearest(folder: str) -> str | None:
    """The same as text: this start-up needs no pathlib."""
    while True:
        path = os.path.join(folder, "finops.toml")
        if os.path.isfile(path):
            return path
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def read_file(path: Path) -> dict[str, Any]:
    """One settings file, checked; raises `ConfigError` naming file and key."""
    import tomllib

    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}", mend="mend the file or move it away") from None
    return {key: _checked(path, key, value) for key, value in document.items()}


def readable(path: Path) -> dict[str, Any]:
    """What of it can be read: a mistake in one setting lifts none of the others."""
    import tomllib

    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    found = {}
    for key, value in document.items():
        with suppress(ConfigError):
            found[key] = _checked(path, key, value)
    return found


def _checked(path: Path, key: str, value: Any) -> Any:
    if key not in Config.__dataclass_fields__ or key in ("sources", "untrusted"):
        known = ", ".join(sorted({*ENV, "webhooks", "rates_url"}))
        raise ConfigError(f"{path}: {key}: unknown setting", mend=f"known settings: {known}")
    if key == "api_key":
        raise ConfigError(
            f"{path}: api_key: a key does not belong here", mend="store it with: finops connect"
        )
    if key == "tags":
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            raise ConfigError(f"{path}: tags: must be a table of strings")
        return value
    if key in LISTS:
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(i, str) for i in items):
            raise ConfigError(f"{path}: {key}: must be a string or a list of strings")
        return tuple(items)
    kind = bool if key == "disable" else str
    if not isinstance(value, kind):
        got = type(value).__name__  # alone: it may be a key, or an address with a password
        raise ConfigError(f"{path}: {key}: must be a {kind.__name__}, got a {got}")
    return value


def redirects(key: str, value: Any) -> bool:
    """Whether a setting says where money or data go."""
    return key in RISKY or (key == "ledger" and file_of(str(value)) is None)


def is_trusted(path: Path) -> bool:
    """Whether the user has trusted this project file in its present wording."""
    try:
        trusted = json.loads((config_dir() / "trusted.json").read_text())
        return bool(trusted.get(str(path.resolve())) == _digest(path))
    except (OSError, ValueError, AttributeError):
        return False


def trust(path: Path) -> None:
    """Let this project file redirect, until it is edited."""
    store = config_dir() / "trusted.json"
    try:
        trusted = json.loads(store.read_text())
    except (OSError, ValueError):
        trusted = {}
    trusted[str(path.resolve())] = _digest(path)
    make(store.parent)
    store.write_text(json.dumps(trusted, indent=1))


def _digest(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()
