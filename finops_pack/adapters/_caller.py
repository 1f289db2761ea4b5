"""The user's function that makes a call: what the call is for when nothing else says it."""

from __future__ import annotations

import os
import sys
import sysconfig
from types import FrameType

import finops_pack

_OURS = os.path.dirname(os.path.abspath(finops_pack.__file__))
_ROOTS = (_OURS, *{sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib")})
_ELSEWHERE = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}", "<frozen")


class _Files(dict[str, bool]):
    """Whether a source file is the user's own; each is looked at once."""

    def __missing__(self, path: str) -> bool:
        library = path.startswith(_ROOTS) or any(part in path for part in _ELSEWHERE)
        self[path] = not library
        return not library


_theirs = _Files()


def name(depth: int = 2, known: str | None = None) -> str | None:
    """The innermost function outside of libraries, or its script's name; None in a bare thread.

    `depth` is how many frames above this one are surely ours; what is `known` already says more
    than a script's name, all that a task of asyncio's has above it.
    """
    try:
        frame: FrameType | None = sys._getframe(depth)
    except ValueError:  # called from less deep than usual
        frame = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if _theirs[code.co_filename]:
            if code.co_name == "<module>":
                return known or os.path.splitext(os.path.basename(code.co_filename))[0]
            if not code.co_name.startswith("<"):  # a lambda or comprehension says nothing
                return code.co_name
        frame = frame.f_back
    return known
