"""Where settings, state and what ships with the pack lie."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # as `typing` has it; importing that takes as long as an answer from a note
if TYPE_CHECKING:  # pathlib is 4 ms of a cold start; where no file is read, it is not needed
    from pathlib import Path

CONFIG = ("XDG_CONFIG_HOME", ".config")
STATE = ("XDG_STATE_HOME", ".local/state")
CACHE = ("XDG_CACHE_HOME", ".cache")
SERVERS = ("postgresql:", "postgres:", "http:", "https:")


def config_dir() -> Path:
    """The user's folder for settings and overlays: `$XDG_CONFIG_HOME/finops`."""
    return path_of(home(*CONFIG))


def state_dir() -> Path:
    """The user's folder for the ledger and its spools: `$XDG_STATE_HOME/finops`."""
    return path_of(home(*STATE))


def data_dir(name: str) -> Path:
    """`rates`, `skills` or `prompts`: inside the wheel, else at the top of a checkout."""
    package = path_of(__file__).parent
    packed = package / "_data" / name
    return packed if packed.is_dir() else package.parent / name


def home(variable: str, fallback: str) -> str:
    """The path of `CONFIG`, `STATE` or `CACHE`, as text; never below the folder we happen to be in.

    A relative one is to be ignored, says their specification; `~` stays `~` for a user whom
    nobody knows, as containers have them.
    """
    root = os.environ.get(variable, "")
    if not os.path.isabs(root):
        user = os.path.expanduser("~")
        root = os.path.join(user if os.path.isabs(user) else os.sep, fallback)
    return os.path.join(root, "finops")


def make(folder: str | Path) -> None:
    """Make a folder, and what is missing above it, for its owner alone: so XDG wants it."""
    if os.path.isdir(folder):
        return
    above = os.path.dirname(folder)
    if above not in ("", folder):  # above a drive of Windows that is not there is itself
        make(above)
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        if not os.path.isdir(folder):  # else another process was as quick
            raise


def file_of(ledger: str) -> str | None:
    """The path that a ledger's URL says, None where the ledger is on a server."""
    if ledger.startswith("sqlite:"):
        return ledger.removeprefix("sqlite:").removeprefix("//").removeprefix("/")
    # One without its two slashes is no path, whose name would be shown, with the password in it.
    return None if "://" in ledger or ledger.startswith(SERVERS) else ledger


def path_of(text: str) -> Path:
    """The path that a text names."""
    from pathlib import Path

    return Path(text)
