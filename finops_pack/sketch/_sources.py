"""Named sources of context in cuts that can be known again after an edit elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

ONE_IN = 8  # lines end a cut, about: 30 cuts a file of 250 lines


def cuts(text: str) -> Iterator[str]:
    """The text in a few lines at a time.

    Where a cut ends depends on its last line alone, so a line that is added or taken away
    changes its own cut and no other.
    """
    lines: list[str] = []
    for line in text.splitlines(keepends=True):
        lines.append(line)
        if not crc32(line.encode("utf-8", "replace")) % ONE_IN:
            yield "".join(lines)
            lines = []
    if lines:
        yield "".join(lines)
