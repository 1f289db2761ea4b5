"""The command `finops`; what its sub-commands are, `_commands` says."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # as `typing` has it, without importing it
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (0 done, 1 over, 2 usage, 3 unreachable)."""
    _have_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["import"]:
        from finops_pack import again

        printed = again.answer(words)
        if printed is not None:
            return _say(printed)
    from finops_pack.cli import _commands

    return _commands.run(words)


def _say(printed: str) -> int:
    try:
        print(printed)
    except BrokenPipeError:  # whoever read has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _have_streams() -> None:
    """Whoever starts us may have closed them (`<&-`): then Python has None for each."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - as long as we run
