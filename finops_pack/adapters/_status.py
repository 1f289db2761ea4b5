"""Which frameworks are here, at which versions, and whether those were tried."""

from __future__ import annotations

import ast
import itertools
import re
from typing import Any, NamedTuple

from finops_pack import adapters
from finops_pack.adapters import _above
from finops_pack.recorder import warn_once


class Package(NamedTuple):
    """A framework's distribution: its version (None: absent) and the range that was tried."""

    name: str
    version: str | None
    range: str
    tested: bool


class Status(NamedTuple):
    """What an adapter is for, what it misses there, and the adapter it helps, if any."""

    packages: tuple[Package, ...]
    cannot_see: tuple[str, ...]
    helps: str | None = None


def of(adapter: str) -> Status:
    """The status of one adapter, from its literals and what is installed."""
    packages = tuple(
        _package(name, low, high) for name, (low, high) in literal(adapter, "TESTED").items()
    )
    helps = literal(adapter, "HELPS") if "\nHELPS = " in adapters.source(adapter) else None
    return Status(packages, tuple(literal(adapter, "CANNOT_SEE")), helps)


def literal(adapter: str, name: str) -> Any:
    """A literal of an adapter's source, read without importing it."""
    for node in ast.parse(adapters.source(adapter)).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    raise LookupError(f"adapter {adapter} has no {name}")


def warn_untried(adapter: str) -> None:
    """One warning for each framework at a version that this release was not tried with."""
    for package in of(adapter).packages:
        if package.version and not package.tested:
            warn_once(
                f"{package.name} {package.version} was not tried with this release "
                f"({package.range}); it is tracked all the same: compare a few calls with the "
                "provider's figures"
            )


def _package(name: str, low: str, high: str) -> Package:
    held = _above.version_of(name)
    tested = held is not None and numbers(low) <= numbers(held) < numbers(high)
    return Package(name, held, f"from {low}, below {high}", tested)


def numbers(version: str) -> tuple[int, ...]:
    """`1.10.0rc1` as (1, 10, 0)."""
    leading = (re.match(r"\d+", part) for part in version.split("."))
    return tuple(int(match[0]) for match in itertools.takewhile(bool, leading) if match)
