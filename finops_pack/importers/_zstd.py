"""What zstd has packed, read forward: by Python itself from 3.14 on, else by `zstandard`."""

from __future__ import annotations

import io
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

SKIP = 2**20  # bytes read at once to get to a place
HOW = "packed with zstd: pip install 'finops-agent-pack[codex]' to read it"


def opened(path: Path) -> io.BufferedReader:
    """The file unpacked; raises `OSError` where nothing here can do that."""
    return io.BufferedReader(_Unpacked(_reader(path)))


class _Unpacked(io.RawIOBase):
    """Its faults are those of a file: what reads files knows how to name them."""

    def __init__(self, reader: Any) -> None:
        self._at, self._reader = 0, reader

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            count = int(self._reader.readinto(buffer))
        except Exception as error:  # noqa: BLE001 - each library has a class of its own
            raise OSError(f"damaged: {error}") from None
        self._at += count
        return count

    def seekable(self) -> bool:
        return True

    def seek(self, to: int, whence: int = io.SEEK_SET) -> int:
        """Forward, as logs are gone on in; else it stays where it is."""
        while whence == io.SEEK_SET and (left := to - self._at) > 0:
            if not self.readinto(bytearray(min(left, SKIP))):
                break
        return self._at

    def close(self) -> None:
        if not self.closed:
            self._reader.close()
        super().close()


def _reader(path: Path) -> Any:
    with suppress(ImportError):
        return import_module("compression.zstd").open(path, "rb")
    try:
        unpacker = import_module("zstandard").ZstdDecompressor()
    except ImportError:
        raise OSError(HOW) from None
    return unpacker.stream_reader(path.open("rb"), read_across_frames=True)
