"""Reading spools: lines with their check, whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

from finops_pack.ledger import _lock
from finops_pack.ledger.spool import SUFFIX, folders

_CHUNK = 256 << 10


@dataclass(slots=True)
class Piece:
    """Lines read from one place of a spool."""

    lines: list[Any] = field(default_factory=list)
    bad: int = 0
    end: int = 0  # where the next piece begins


def spools(ledger_id: str) -> Iterator[Path]:
    """Every spool of this ledger that this machine's user may read."""
    for folder in folders(ledger_id):
        try:
            names = sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX))
        except OSError:
            continue
        yield from (folder / name for name in names)


def read(fd: int, offset: int, limit: int) -> Piece:
    """Up to `limit` whole lines from `offset` on; an end without a newline is left alone."""
    size = _CHUNK
    while True:
        data = os.pread(fd, size, offset)
        whole = data[: data.rfind(b"\n") + 1]
        if whole or len(data) < size:
            return _piece(whole, offset, limit)
        size *= 4  # one line is longer than that


def _piece(data: bytes, offset: int, limit: int) -> Piece:
    records = data.split(b"\n", limit)
    if len(records) > limit or not records[-1]:
        records.pop()
    piece = parse(records)
    piece.end = offset + sum(map(len, records)) + len(records)
    return piece


def parse(records: list[bytes]) -> Piece:
    """The lines whose check holds, decoded; the others are counted."""
    whole = [record[9:] for record in records if _holds(record)]
    bad = sum(1 for record in records if record) - len(whole)
    try:
        return Piece(json.loads(b"[" + b",".join(whole) + b"]"), bad)
    except ValueError:
        return _one_by_one(whole, bad)


def _holds(record: bytes) -> bool:
    try:
        return len(record) > 9 and int(record[:8], 16) == crc32(record[9:])
    except ValueError:
        return False


def _one_by_one(whole: list[bytes], bad: int) -> Piece:
    piece = Piece(bad=bad)
    for record in whole:
        try:
            piece.lines.append(json.loads(record))
        except (ValueError, RecursionError):
            piece.bad += 1
    return piece


def waiting(fd: int, offset: int) -> int:
    """How many lines lie behind `offset`."""
    count = 0
    while data := os.pread(fd, 1 << 20, offset):
        count += data.count(b"\n")
        offset += len(data)
    return count


def abandoned(fd: int) -> bool:
    """True when the process that wrote this spool is gone; it stays ours until `fd` is closed."""
    return _lock.take(fd)
