"""An import told again in the same words, when nothing has changed since, is answered from a note.

Of such a run Python and its modules take nearly all the time, so this needs little more than
`os`. The note holds how the import was asked for (words, place, environment, terminal), every
file and folder at or below the logs and every file of settings as they were found before it
read them, and which ledger they went into. When anything differs, the import itself decides. What
changes a ledger from elsewhere (another state folder, a copy put in its place) is not seen.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from zlib import crc32

from finops_pack import __version__
from finops_pack.places import CONFIG, STATE, home, make

END = "end of note"  # half of one must not be taken for all
_marks: dict[str, bytes] = {}  # by the name of an import, what our last one of it left
SETTLED_NS = 2_000_000_000  # the coarsest clock of a file system: FAT's

Found = tuple[int, list[str]]
"""When it was looked (ns), and paths as they were found: `size:mtime_ns path`, or ` path`."""


def answer(words: Sequence[str]) -> str | None:
    """What the import would print; None when it has to be run. Never raises."""
    try:
        with open(_place(words[1]), "rb") as file:
            note = os.fsdecode(file.read()).split("\0")
        asked, path, ledger, printed, *found, end = note
        if end != END or asked != _asked(words) or ledger != _identity(path):
            return None
        same = all(one == _found(one.partition(" ")[2]) for one in found)
        return printed if same else None
    except (OSError, ValueError, IndexError):
        return None


def look(paths: Iterable[str]) -> Found | None:
    """All that an import of these may depend on, before it reads; None if some cannot be seen."""
    at = time.time_ns()
    try:
        every = [*(path for top in paths for path in _below(top)), *_settings()]
        return at, list(map(_found, every))
    except (OSError, ValueError):
        return None


def leave(words: Sequence[str], found: Found, ledger: str, printed: str) -> None:
    """Note that such an import has nothing to do; where that is not sure, nothing is noted."""
    at, paths = found
    if any(_changed_ns(one) > at - SETTLED_NS for one in paths):
        return  # another change may follow that leaves the time as it is
    try:
        path = os.path.abspath(ledger.removeprefix("sqlite:///"))
        note = [_asked(words), path, _identity(path), printed, *paths, END]
        with open(_place(words[1]), "rb") as file:
            if file.read() == _marks.get(words[1]):  # else another import has begun since
                _put(words[1], os.fsencode("\0".join(note)))
    except (OSError, ValueError):  # a server's ledger has no file: it is asked each time
        pass


def forget(name: str) -> None:
    """An import of that name is about to be made: what was noted of the last no longer holds."""
    _marks[name] = os.urandom(8)
    try:
        _put(name, _marks[name])
    except (OSError, ValueError):
        pass


def _put(name: str, content: bytes) -> None:
    place = _place(name)
    make(os.path.dirname(place))
    beside = f"{place}.{os.getpid()}"
    with open(beside, "wb") as file:
        file.write(content)
    os.replace(beside, place)


def _place(name: str) -> str:
    return os.path.join(home(*STATE), "imports", name.replace(os.sep, "_"))


def _asked(words: Sequence[str]) -> str:
    """All that is not a file; of the environment, which may hold keys, no more than a sum."""
    environment = crc32(repr(sorted(os.environ.items())).encode())
    terminal = sys.stdin.isatty(), sys.stderr.isatty()
    return repr((__version__, list(words), os.getcwd(), environment, terminal))


def _found(path: str) -> str:
    try:
        now = os.stat(path)
    except OSError:
        return f" {path}"
    return f"{now.st_size}:{now.st_mtime_ns} {path}"


def _changed_ns(found: str) -> int:
    return int(found.partition(" ")[0].partition(":")[2] or 0)


def _below(top: str) -> Iterator[str]:
    """The path itself, absolute, and all below it."""
    top = os.path.abspath(top)
    yield top
    tree = os.walk(top, onerror=_unseen) if os.path.isdir(top) else ()
    for folder, folders, names in tree:
        yield from (os.path.join(folder, name) for name in (*folders, *names))


def _unseen(error: OSError) -> None:
    """A folder that cannot be listed may become readable without a trace in its time."""
    raise error


def _settings() -> Iterator[str]:
    """Where settings could stand, whether or not they do."""
    yield from (os.path.join(home(*CONFIG), name) for name in ("config.toml", "trusted.json"))
    folder, below = os.getcwd(), ""
    while folder != below:
        yield os.path.join(folder, "finops.toml")
        folder, below = os.path.dirname(folder), folder


def _identity(path: str) -> str:
    """This very ledger: a file's number is used again, so its lock's time counts too."""
    ledger = os.stat(path)
    return f"{ledger.st_dev}:{ledger.st_ino}:{os.stat(f'{path}.lock').st_mtime_ns}"
