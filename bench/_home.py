"""A home of its own for every proof: settings, state and temporary folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finops_pack import config


@contextmanager
def home_of(folder: Path) -> Iterator[dict[str, str]]:
    """Have this process and, by the environment handed out, others live in that folder."""
    held = {n: v for n, v in os.environ.items() if n.startswith(("XDG_", "FINOPS_", "HOME"))}
    kept = {n: v for n, v in os.environ.items() if not n.startswith("FINOPS_")}
    ours = {name: str(folder) for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME")}
    for name in held:
        os.environ.pop(name)
    os.environ.update(ours)
    config.reload()
    try:
        yield {**kept, **ours}
    finally:
        for name in ours:
            os.environ.pop(name)
        os.environ.update(held)
        config.reload()
