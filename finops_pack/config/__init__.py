"""Settings, weakest first: defaults, the user's file, the project's file, environment.

    ~/.config/finops/config.toml      the user's
    ./finops.toml                     the project's: this folder or the nearest above it
    FINOPS_*                          the environment

What the program itself says (`say`: the arguments of `track`) wins over all of them. A project's
file may not redirect money or data: what `_settings.RISKY` names counts only after `finops
connect --trust-project`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from finops_pack import forks
from finops_pack.config._files import (
    is_trusted,
    nearest,
    project_file,
    read_file,
    readable,
    redirects,
    trust,
)
from finops_pack.config._key import hash_key
from finops_pack.config._settings import API_URL, ENV, VARIABLES, Config
from finops_pack.config._text import anchored, bare, from_text
from finops_pack.errors import ConfigError
from finops_pack.places import (
    CACHE,
    CONFIG,
    STATE,
    config_dir,
    data_dir,
    file_of,
    home,
    make,
    path_of,
    state_dir,
)

__all__ = [
    "API_URL",
    "CACHE",
    "STATE",
    "VARIABLES",
    "Config",
    "bare",
    "config_dir",
    "data_dir",
    "file_of",
    "hash_key",
    "home",
    "in_force",
    "load",
    "make",
    "project_file",
    "read_file",
    "reload",
    "say",
    "state_dir",
    "trust",
]

_said: dict[str, Any] = {}
_read: dict[tuple[str, bool], Config] = {}


def load() -> Config:
    """The settings of this process; read once, again after `reload()`.

    Raises `ConfigError` for the first that cannot be read.
    """
    return _once(strict=True)


def reload() -> None:
    """Forget what was read, for tests and after `finops connect`."""
    global _read
    _read = {}  # a new one: what a thread is reading just now is old, and goes into the old one


def say(**arguments: Any) -> None:
    """What the program itself says, over every other setting; None: nothing is said of it."""
    _said.clear()
    _said.update({name: value for name, value in arguments.items() if value is not None})
    if "ledger" in _said:
        _said["ledger"] = anchored(str(_said["ledger"]))
    reload()


def _made(values: dict[str, Any], sources: dict[str, str], untrusted: dict[str, str]) -> Config:
    """With what the program says on top."""
    said = dict(_said)
    if "tags" in said:
        said["tags"] = {**values.get("tags", {}), **said["tags"]}
    if "budget" in said:
        said["budget"] = _both(values.get("budget", ()), said["budget"])
    kept = {name: at for name, at in sources.items() if name not in said or name == "budget"}
    values["ledger"] = anchored(values["ledger"])
    return Config(**{**values, **said}, sources=kept, untrusted=untrusted)


def _both(weaker: tuple[str, ...], budgets: tuple[str, ...]) -> tuple[str, ...]:
    """All of them: each holds for its window and scope; of two for the same the last one holds."""
    return (*(spec for spec in weaker if spec not in budgets), *budgets)


def _cwd_exists() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _once(strict: bool) -> Config:
    """The settings for the folder we are in; those of a few folders are kept."""
    folder = os.getcwd() if _cwd_exists() else "/"
    read = _read
    made = read.get((folder, strict))
    if made is None:
        if len(read) > 3:
            read.clear()
        with forks.barred():  # what reads TOML
            made = read[folder, strict] = _load(folder, strict)
    return made


def _load(folder: str, strict: bool) -> Config:
    values: dict[str, Any] = {"ledger": os.path.join(home(*STATE), "ledger.db")}
    sources: dict[str, str] = {}
    untrusted: dict[str, str] = {}
    user = os.path.join(home(*CONFIG), "config.toml")
    project = nearest(folder)
    for name in (user, project):
        if name is None or not os.path.isfile(name):
            continue
        path = path_of(name)
        settings = read_file(path) if strict else readable(path)
        if name == project and not is_trusted(path):
            dropped = {k: str(v) for k, v in settings.items() if redirects(k, v)}
            untrusted.update(dropped)
            settings = {k: v for k, v in settings.items() if k not in dropped}
        if "ledger" in settings:
            settings["ledger"] = anchored(settings["ledger"], os.path.dirname(name))
        _add(settings, str(path), values, sources)
    for name, variable in ENV.items():
        if text := os.environ.get(variable):
            with suppress(*() if strict else (ConfigError,)):
                _add({name: from_text(name, text, variable)}, variable, values, sources)
    return _made(values, sources, untrusted)


def _add(
    settings: dict[str, Any], source: str, values: dict[str, Any], sources: dict[str, str]
) -> None:
    """Settings over weaker ones; budgets beside them."""
    named = dict.fromkeys(settings, source)
    if "budget" in settings and "budget" in values:
        settings = {**settings, "budget": _both(values["budget"], settings["budget"])}
        named["budget"] = f"{sources['budget']}, {source}"
    values.update(settings)
    sources.update(named)


def in_force() -> Config:
    """The settings that can be read: budgets hold on, whatever is wrong with another."""
    try:
        return load()
    except ConfigError:
        return _once(strict=False)
