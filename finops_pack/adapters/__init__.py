"""Adapters: one file a framework, found here, installed when its framework is imported.

An adapter says in literals what it waits for (`MODULES`), what it was tried with (`TESTED`:
distribution -> first version in, first version out) and what escapes it (`CANNOT_SEE`), and
has `install()`. It imports its framework only inside functions.
"""

from __future__ import annotations

import itertools
import pkgutil
import re
from functools import lru_cache
from typing import Any, NamedTuple

from finops_pack.adapters import _hook
from finops_pack.recorder import warn_once

installed: dict[str, bool] = {}
"""Adapter -> whether `install` went well, for those whose framework was imported."""


@lru_cache(maxsize=1)
def found() -> tuple[str, ...]:
    """The names of all adapters."""
    return tuple(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def literal(adapter: str, name: str) -> Any:
    """A literal of an adapter's source, read without importing it; None when it has none."""
    source = (pkgutil.get_data(__name__, f"{adapter}.py") or b"").decode()
    start = source.find(f"\n{name} = ")
    if start < 0:
        return None
    from ast import literal_eval

    text = source[start + len(name) + 4 :]
    end = 0
    while True:
        end = text.find("\n", end + 1)
        try:
            return literal_eval(text[: end if end > 0 else None])
        except SyntaxError:
            if end < 0:
                return None


def watch() -> None:
    """Install each adapter as soon as its framework is imported, now where it was; idempotent."""
    for adapter in found():
        for module in literal(adapter, "MODULES") or ():
            _hook.when_imported(module, adapter, install)


def install(adapter: str) -> None:
    """Install one adapter; its fault is logged once and goes no further."""
    if adapter in installed:
        return
    installed[adapter] = False
    from importlib import import_module

    try:
        import_module(f"{__name__}.{adapter}").install()
        installed[adapter] = True
    except Exception as error:  # noqa: BLE001 - the framework must go on without us
        warn_once(f"adapter {adapter} could not be installed: its calls are missed", error)
        return
    _check_versions(adapter)


def _check_versions(adapter: str) -> None:
    for state in status(adapter).packages:
        if state.version and not state.tested:
            warn_once(
                f"{state.name} {state.version} was not tried with this release ({state.range}); "
                f"it is tracked all the same: compare a few calls with the provider's figures"
            )


class Package(NamedTuple):
    """A framework's distribution: its version (None: absent) and the range that was tried."""

    name: str
    version: str | None
    range: str
    tested: bool


class Status(NamedTuple):
    """One adapter in this process; `tracked` is None while its framework is not imported."""

    adapter: str
    packages: tuple[Package, ...]
    tracked: bool | None
    cannot_see: tuple[str, ...]


def status(adapter: str) -> Status:
    """What there is of a framework, whether it is tracked, and what the adapter cannot see."""
    tested = literal(adapter, "TESTED") or {}
    packages = tuple(_package(name, low, high) for name, (low, high) in tested.items())
    return Status(
        adapter, packages, installed.get(adapter), tuple(literal(adapter, "CANNOT_SEE") or ())
    )


def _package(name: str, low: str, high: str) -> Package:
    from importlib.metadata import PackageNotFoundError, version

    span = f"{low} up to {high}"
    try:
        held = version(name)
    except PackageNotFoundError:
        return Package(name, None, span, False)
    return Package(name, held, span, _numbers(low) <= _numbers(held) < _numbers(high))


def _numbers(version: str) -> tuple[int, ...]:
    """`1.10.0rc1` as (1, 10, 0)."""
    leading = (re.match(r"\d+", part) for part in version.split("."))
    return tuple(int(match[0]) for match in itertools.takewhile(bool, leading) if match)
