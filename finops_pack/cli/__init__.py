"""The command `finops`; what its sub-commands are, `_commands` says."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # as `typing` has it, without importing it
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (0 done, 1 over, 2 usage, 3 unreachable)."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["import"]:
        from finops_pack import again

        printed = again.answer(words)
        if printed is not None:
            print(printed)
            return 0
    from finops_pack.cli import _commands

    return _commands.run(words)
