"""Reading logs line by line: whole lines only, any encoding fault confined to its line."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from io import BufferedIOBase, BufferedReader
from pathlib import Path
from typing import Any, cast

from finops_pack.importers._state import State

BLOCK = 16 * 2**20
LONGEST = 256 * 2**20  # bytes of one line, or of a document in many
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_YEAR = 9986  # the ledger's last whole one
WRONG = (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError)
"""What a line of a wrong shape raises while it is read."""


def whole(path: Path, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """Pieces of whole lines from `offset`, and where each begins; the last may end torn."""
    rest = b""
    with opened(path) as file:
        if offset:
            file.seek(offset)
        while data := file.read1(BLOCK):  # what can be read comes before what cannot
            data = rest + data if rest else data
            end = data.rfind(b"\n") + 1
            rest = data[end:]
            if end:
                yield offset, data[:end]
            offset += end
            bounded(len(rest))
    if rest:
        yield offset, rest


def document(path: Path) -> bytes:
    """A file that is one document."""
    with opened(path) as file:
        data = file.read(LONGEST + 1)
    bounded(len(data))
    return data


def bounded(size: int) -> None:
    """Raise `OSError` for what no log holds: a few megabytes of gzip unpack to any memory."""
    if size > LONGEST:
        raise OSError(f"more than {LONGEST >> 20} MiB in one piece: that is no log")


def line_at(path: Path, at: int) -> int:
    """The number (from 1) of the line that begins at this byte."""
    with opened(path) as file:
        return file.read(at).count(b"\n") + 1


def added(path: Path, state: State) -> Iterator[bytes]:
    """The lines from where the file was left; `state` moves on behind each of them.

    A last line without its end comes too; when it is torn, it is read again next time.
    """
    for _, data in whole(path, state.offset):
        *lines, rest = data.split(b"\n")
        for line in lines:
            yield line
            state.offset += len(line) + 1
            state.line += 1
        if rest:
            yield rest
            state.offset += len(rest) if _is_whole(rest) else 0


def _is_whole(line: bytes) -> bool:
    """Whether a line that is still without its end is all there; one torn behind a brace is not."""
    try:
        json.loads(line)
    except WRONG:
        return False
    return True


def opened(path: Path) -> BufferedIOBase:
    """A file, or standard input for `-`; what gzip or zstd has packed comes unpacked."""
    if str(path) == "-":
        piped = cast(BufferedReader, sys.stdin.buffer)
        return _unpacked(piped) if piped.peek(2)[:2] == b"\x1f\x8b" else piped
    if path.suffix == ".zst":
        from finops_pack.importers import _zstd

        return _zstd.opened(path)
    return _unpacked(path) if path.suffix == ".gz" else path.open("rb")


def _unpacked(packed: Path | BufferedReader) -> BufferedIOBase:
    import gzip

    return gzip.open(packed, "rb")


def numbered(path: Path) -> Iterator[tuple[int, bytes]]:
    """Every line that is not blank, with its number from 1."""
    number = 0
    for _, data in whole(path):
        for line in data.removesuffix(b"\n").split(b"\n"):
            number += 1
            if line.strip():
                yield number, line


def logs(path: Path, *suffixes: str) -> Iterator[Path]:
    """The file (or pipe) itself, or all below a folder whose names end so, its own first.

    A folder that cannot be listed comes last: reading it says why.
    """
    if path.exists() and not path.is_dir():
        yield path
        return
    closed: list[OSError] = []
    for folder, folders, names in os.walk(path, onerror=closed.append):
        folders.sort()
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(suffixes))
    yield from (Path(e.filename) for e in closed if not isinstance(e, FileNotFoundError))


def jsonl_files(path: Path) -> Iterator[Path]:
    """The file, or every `.jsonl` below a folder, packed or not."""
    return logs(path, ".jsonl", ".jsonl.gz")


def nowhere() -> tuple[Path, ...]:
    """The usual place of files that have none: one must be named."""
    return ()


def micros(text: str) -> int:
    """An ISO-8601 time (naive: UTC) as Unix µs; raises `ValueError`, also where no ledger goes."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    if time < _EPOCH or time.year > _LAST_YEAR:
        raise ValueError(f"not a time: {text}")
    past = time - _EPOCH
    return (past.days * 86400 + past.seconds) * 1_000_000 + past.microseconds


def count(counts: Mapping[str, Any], name: str) -> int:
    """A token count, 0 when absent or null; raises `ValueError` when it is no count."""
    value = counts.get(name)
    if value is None:
        return 0
    if type(value) is not int or value < 0:
        raise ValueError(f"{name}: must be a whole number, got {str(value)[:40]!r}")
    return value


def text(value: Any, name: str) -> str:
    """A text that is not empty; raises `ValueError` when it is none."""
    if type(value) is not str or not value:
        raise ValueError(f"{name}: must be a text, got {str(value)[:40]!r}")
    return value


def folder_name(path: Any) -> str | None:
    """The last part of a folder's path, of whatever system; None without any."""
    return str(path or "").replace("\\", "/").rstrip("/").rpartition("/")[2] or None


def decoded(data: str | bytes) -> Any:
    """The object that stands there as JSON; a text says what is wrong with it."""
    try:
        record = json.loads(data)
    except WRONG as error:
        return why(error)
    return record if isinstance(record, dict) else "must be an object"


def why(error: BaseException) -> str:
    """One line on what is wrong, without the line itself."""
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 at byte {error.start}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, KeyError):
        return f"{error.args[0]}: missing"
    if isinstance(error, AttributeError | TypeError):
        return "a value in it is of another kind than this log has there"
    message = str(error)
    if type(error).__name__ == "JSONDecodeError":
        return f"not JSON: {message}"
    return message.splitlines()[0][:200] if message else type(error).__name__


def first(values: Iterable[Any]) -> Any:
    """The first that is not None, else None."""
    return next((value for value in values if value is not None), None)
