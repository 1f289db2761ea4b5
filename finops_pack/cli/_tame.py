"""What is printed steers no terminal: names come from logs, projects and other machines."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

_TURNS = {0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}  # lines, directions
_CONTROLS = {*range(32), *range(127, 160), *_TURNS}
_IN_A_LINE = dict.fromkeys(_CONTROLS, "\N{REPLACEMENT CHARACTER}")
_IN_TEXT = dict.fromkeys(_CONTROLS - {ord("\n"), ord("\t")}, "\N{REPLACEMENT CHARACTER}")
IN_JSON = {sign: f"\\u{sign:04x}" for sign in _CONTROLS if sign > 126}  # there it stays itself

NEAR = "finops_near"  # the name of our way to write what the stream's encoding lacks
# No quotation mark and no backslash: either would break a string of JSON.
_LIKE = {**dict(zip("▁▂▃▄▅▆▇█░“”×·–−", "_.:-=+*#.''x---", strict=True)), "…": "..."}


def _near(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(_LIKE.get(letter, "?") for letter in missing), error.end


codecs.register_error(NEAR, _near)


class _Tame:
    """A stream whose text holds no control character but tab and end of line."""

    def __init__(self, stream: Any) -> None:
        self.bare = stream

    def write(self, text: str) -> int:
        """Write it, each control character as `�`."""
        return int(self.bare.write(text.translate(_IN_TEXT)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bare, name)


@contextmanager
def streams() -> Iterator[None]:
    """Standard output and error, tame as long as a command runs."""
    with redirect_stdout(_Tame(bare(sys.stdout))), redirect_stderr(_Tame(bare(sys.stderr))):
        yield


def bare(stream: Any) -> Any:
    """The stream itself, for what is to steer the terminal and for what is a file's content."""
    return getattr(stream, "bare", stream)


def line(text: object) -> str:
    """Text that stays in its line."""
    return str(text).translate(_IN_A_LINE)
