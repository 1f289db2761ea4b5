"""What keeps one process from deleting the WAL that another writes to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from finops_pack.ledger import open_ledger

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX locks")

LOOK = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:  # where SQLite keeps the lock of whoever has it open
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)
    except OSError:
        print("held")
"""


def test_opening_a_writer_keeps_the_lock_of_whoever_has_the_ledger_open(tmp_path: Path) -> None:
    """Else the last but one to close takes itself for the last: a lost WAL, a corrupt file."""
    path = str(tmp_path / "ledger.db")
    open_ledger(path).close()
    reader = open_ledger(path, read_only=True)
    assert reader.documents("budget") == {}
    writer = open_ledger(path)
    writer.put("kind", "key", {})
    seen = subprocess.run([sys.executable, "-c", LOOK, path], capture_output=True, text=True)
    writer.close()
    reader.close()
    assert seen.stdout.strip() == "held"
