"""Adapters: one file a framework, found here, installed when its framework is imported.

An adapter says in literals what it waits for (`MODULES`), what it was tried with (`TESTED`:
distribution -> first version in, first version out) and what escapes it (`CANNOT_SEE`), and
has `install()`. It imports its framework only inside functions.
"""

from __future__ import annotations

import pkgutil
from functools import lru_cache

from finops_pack.adapters import _hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from finops_pack.adapters._status import Status

installed: dict[str, bool] = {}
"""Adapter -> whether `install` went well, for those whose framework was imported."""


@lru_cache(maxsize=1)
def found() -> tuple[str, ...]:
    """The names of all adapters."""
    return tuple(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def source(adapter: str) -> str:
    """The text of an adapter, so that its literals can be read without importing it."""
    return (pkgutil.get_data(__name__, f"{adapter}.py") or b"").decode()


def watch() -> None:
    """Install each adapter as soon as its framework is imported, now where it was; idempotent."""
    for adapter in found():
        for module in _modules(source(adapter)):
            _hook.when_imported(module, adapter, install)


def _modules(text: str) -> list[str]:
    """The strings of `MODULES = (…)`; cheaper than a parser, since it is read at every start."""
    _, _, after = text.partition("\nMODULES = (")
    return after.partition(")")[0].split('"')[1::2]


def install(adapter: str) -> None:
    """Install one adapter; its fault is logged once and goes no further."""
    if adapter in installed:
        return
    installed[adapter] = False
    from finops_pack import forks

    with forks.barred():
        from importlib import import_module

        from finops_pack import recorder
        from finops_pack.adapters import _status

        if recorder.disabled():
            return
        try:
            import_module(f"{__name__}.{adapter}").install()
            installed[adapter] = True
            _status.warn_untried(adapter)
        except Exception as error:  # noqa: BLE001 - the framework must go on without us
            recorder.warn_once(f"adapter {adapter} failed: its calls are missed", error)


def status(adapter: str) -> Status:
    """What there is of a framework, and what the adapter cannot see of it."""
    from finops_pack.adapters import _status

    return _status.of(adapter)
