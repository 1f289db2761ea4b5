"""Settings, weakest first: defaults, the user's file, the project's file, environment.

    ~/.config/finops/config.toml      the user's
    ./finops.toml                     the project's: this folder or the nearest above it
    FINOPS_*                          the environment

Arguments come last and are applied by whoever takes them. A project's file may not redirect
money or data: what `RISKY` names counts only after `finops connect --trust-project`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from finops_pack.errors import ConfigError

if TYPE_CHECKING:  # pathlib is 4 ms of a cold start; where no file is read, it is not needed
    from pathlib import Path

API_URL = "https://goldtaler.at"
RISKY = ("api_url", "webhooks", "rates_url")

_ENV = {
    "ledger": "FINOPS_LEDGER",
    "spool_dir": "FINOPS_SPOOL_DIR",
    "project": "FINOPS_PROJECT",
    "tags": "FINOPS_TAGS",
    "environment": "FINOPS_ENVIRONMENT",
    "agent_version": "FINOPS_AGENT_VERSION",
    "budget": "FINOPS_BUDGET",
    "api_url": "FINOPS_API_URL",
    "api_key": "FINOPS_API_KEY",
    "tz": "FINOPS_TZ",
    "hash_key": "FINOPS_HASH_KEY",
    "rates": "FINOPS_RATES",
    "durability": "FINOPS_DURABILITY",
    "on_unreachable": "FINOPS_ON_UNREACHABLE",
    "thresholds": "FINOPS_THRESHOLDS",
    "currency": "FINOPS_CURRENCY",
    "disable": "FINOPS_DISABLE",
}
VARIABLES = tuple(sorted(_ENV.values()))
CONFIG = ("XDG_CONFIG_HOME", ".config")
STATE = ("XDG_STATE_HOME", ".local/state")
_LISTS = ("budget", "rates", "webhooks")


@dataclass(frozen=True)
class Config:
    """All settings in force; `sources` says where each value that was set came from."""

    ledger: str = ""
    spool_dir: str | None = None
    project: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    environment: str | None = None
    agent_version: str | None = None
    budget: tuple[str, ...] = ()
    api_url: str = API_URL
    api_key: str | None = field(default=None, repr=False)
    tz: str = "UTC"
    hash_key: str | None = field(default=None, repr=False)
    rates: tuple[str, ...] = ()
    rates_url: str | None = None
    webhooks: tuple[str, ...] = ()
    durability: str = "normal"
    on_unreachable: str = "refuse"
    thresholds: str = "50,80,100"
    currency: str | None = None
    disable: bool = False
    sources: Mapping[str, str] = field(default_factory=dict)
    untrusted: Mapping[str, str] = field(default_factory=dict)


def config_dir() -> Path:
    """The user's folder for settings and overlays: `$XDG_CONFIG_HOME/finops`."""
    return _path(home(*CONFIG))


def state_dir() -> Path:
    """The user's folder for the ledger and its spools: `$XDG_STATE_HOME/finops`."""
    return _path(home(*STATE))


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


def data_dir(name: str) -> Path:
    """`rates`, `skills` or `prompts`: inside the wheel, else at the top of a checkout."""
    package = _path(__file__).parent
    packed = package / "_data" / name
    return packed if packed.is_dir() else package.parent / name


def home(variable: str, fallback: str) -> str:
    """The path of `CONFIG` or `STATE`, as text."""
    root = os.environ.get(variable) or os.path.join(os.path.expanduser("~"), fallback)
    return os.path.join(root, "finops")


def _path(text: str) -> Path:
    from pathlib import Path

    return Path(text)


def load() -> Config:
    """The settings of this process; read once, again after `reload()`."""
    settings = _load(os.getcwd() if _cwd_exists() else "/")
    if not _argued:
        return settings
    sources = {name: origin for name, origin in settings.sources.items() if name not in _argued}
    return replace(settings, **_argued, sources=sources)


_argued: dict[str, Any] = {}


def argue(**said: Any) -> None:
    """What the program itself says (None: nothing) is in force for all of it, until said anew."""
    _argued.clear()
    _argued.update((name, value) for name, value in said.items() if value is not None)


def reload() -> None:
    """Forget what was read and said, for tests and after `finops connect`."""
    _argued.clear()
    _load.cache_clear()


_said: dict[str, Any] = {}


def say(**arguments: Any) -> None:
    """What the program itself says, over every other setting; None: nothing is said of it."""
    _said.clear()
    _said.update({name: value for name, value in arguments.items() if value is not None})
    reload()


def _made(values: dict[str, Any], sources: dict[str, str], untrusted: dict[str, str]) -> Config:
    """With what the program says on top."""
    said = dict(_said)
    if "tags" in said:
        said["tags"] = {**values.get("tags", {}), **said["tags"]}
    kept = {name: at for name, at in sources.items() if name not in said}
    return Config(**{**values, **said}, sources=kept, untrusted=untrusted)


def _cwd_exists() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


@lru_cache(maxsize=4)
def _load(folder: str) -> Config:
    values: dict[str, Any] = {"ledger": os.path.join(home(*STATE), "ledger.db")}
    sources: dict[str, str] = {}
    untrusted: dict[str, str] = {}
    user = os.path.join(home(*CONFIG), "config.toml")
    project = _project_file(folder)
    for name in (user, project):
        if name is None or not os.path.isfile(name):
            continue
        path = _path(name)
        settings = read_file(path)
        if name == project and not is_trusted(path):
            dropped = {k: str(v) for k, v in settings.items() if _redirects(k, v)}
            untrusted.update(dropped)
            settings = {k: v for k, v in settings.items() if k not in dropped}
        values.update(settings)
        sources.update(dict.fromkeys(settings, str(path)))
    for name, variable in _ENV.items():
        text = os.environ.get(variable)
        if text:
            values[name] = _from_text(name, text, variable)
            sources[name] = variable
    return _made(values, sources, untrusted)


def in_force() -> Config:
    """The settings; where a file cannot be read, what the environment says: its budgets hold on."""
    try:
        return load()
    except ConfigError:
        return _of_environment()


def _of_environment() -> Config:
    values: dict[str, Any] = {"ledger": os.path.join(home(*STATE), "ledger.db")}
    sources = {}
    for name, variable in _ENV.items():
        if text := os.environ.get(variable):
            with suppress(ConfigError):
                values[name] = _from_text(name, text, variable)
                sources[name] = variable
    return _made(values, sources, {})


def project_file(folder: Path) -> Path | None:
    """The nearest `finops.toml` at or above `folder`."""
    found = _project_file(str(folder))
    return None if found is None else _path(found)


def _project_file(folder: str) -> str | None:
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
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}", mend="mend the file or move it away") from None
    return {key: _checked(path, key, value) for key, value in document.items()}


def _checked(path: Path, key: str, value: Any) -> Any:
    if key not in Config.__dataclass_fields__ or key in ("sources", "untrusted"):
        known = ", ".join(sorted({*_ENV, "webhooks", "rates_url"}))
        raise ConfigError(f"{path}: {key}: unknown setting", mend=f"known settings: {known}")
    if key == "api_key":
        raise ConfigError(
            f"{path}: api_key: a key does not belong here", mend="store it with: finops connect"
        )
    if key == "tags":
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            raise ConfigError(f"{path}: tags: must be a table of strings")
        return value
    if key in _LISTS:
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(i, str) for i in items):
            raise ConfigError(f"{path}: {key}: must be a string or a list of strings")
        return tuple(items)
    kind = bool if key == "disable" else str
    if not isinstance(value, kind):
        raise ConfigError(f"{path}: {key}: must be a {kind.__name__}, got {value!r}")
    return value


def _from_text(name: str, text: str, variable: str) -> Any:
    if name == "tags":
        return parse_tags(text, variable)
    if name == "budget":
        return tuple(part.strip() for part in text.split(";") if part.strip())
    if name == "rates":
        return tuple(part for part in text.split(os.pathsep) if part)
    if name == "disable":
        return text.lower() not in ("0", "false", "no")
    return text


def parse_tags(text: str, origin: str) -> dict[str, str]:
    """`customer=acme,feature=chat` as a mapping; raises `ConfigError` naming `origin`."""
    tags: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"{origin}: {part!r} is not KEY=VALUE", mend="e.g. customer=acme")
        tags[key.strip()] = value.strip()
    return tags


def _redirects(key: str, value: Any) -> bool:
    return key in RISKY or (key == "ledger" and "://" in str(value) and "sqlite:" not in value)


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
    store.parent.mkdir(parents=True, exist_ok=True)
    store.write_text(json.dumps(trusted, indent=1))


def _digest(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()
