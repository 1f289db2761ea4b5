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
    try:
        code = _run(list(sys.argv[1:] if argv is None else argv))
        if not sys.stdout.closed:  # as the MCP server leaves it
            sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read has gone
        code = 0
    except OSError as error:
        print(f"finops: {error}", file=sys.stderr)
        code = 2
    _drop_what_is_left()
    return code


def _run(words: list[str]) -> int:
    if words[:1] == ["import"]:
        from finops_pack import again

        printed = again.answer(words)
        if printed is not None:
            print(printed)
            return 0
    from finops_pack.cli import _commands

    return _commands.run(words)


def _drop_what_is_left() -> None:
    """Python flushes standard output once more when it ends, and would complain again."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _have_streams() -> None:
    """Whoever starts us may have closed them (`<&-`): then Python has None for each."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - as long as we run
