"""Calls in the shapes of other tools: FOCUS and plain CSV, OpenTelemetry spans.

Each module is pure: `write(calls, facts, out)` writes text and returns what it left out.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TextIO

from finops_pack.model import Call, Facts

FORMATS = ("focus", "otel", "csv")


@dataclass(slots=True)
class Written:
    """How many calls went in, how many rows came out, and which calls have no price."""

    calls: int = 0
    rows: int = 0
    unpriced_calls: int = 0


class Format(Protocol):
    """A module of this package."""

    def write(self, calls: Iterable[Call], facts: Facts, out: TextIO) -> Written:
        """Write the calls."""
        ...


def load(name: str) -> Format:
    """The format of that name."""
    module: Format = importlib.import_module(f"{__name__}.{name}")
    return module
