"""Tell somebody when a module has been imported, before or after we were."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    Told = Callable[[str], None]


class _Finder:
    """A finder that finds nothing itself: it lets the others find, and looks when they are done."""

    def __init__(self) -> None:
        self.waiting: dict[str, dict[str, Told]] = {}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's own spec, with a look after its execution; None for all others."""
        if name not in self.waiting:
            return None
        told = self.waiting.pop(name)
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find else None
            if spec is not None:
                self._look_after(spec, told)
                return spec  # type: ignore[no-any-return]
        self.waiting[name] = told
        return None

    def _look_after(self, spec: ModuleSpec, told: dict[str, Told]) -> None:
        loader: Any = spec.loader  # of this module alone, or of a zip
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            del loader.exec_module  # a zip's loader serves other modules too
            try:
                execute(module)
            except BaseException:
                self.waiting[spec.name] = told  # it may be tried again
                raise
            for who, tell in told.items():
                tell(who)

        loader.exec_module = exec_module


_finder = _Finder()


def when_imported(module: str, who: str, tell: Told) -> None:
    """Call `tell(who)` once `module` has been imported: at once when it was."""
    if _is_ready(module):
        tell(who)
        return
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    _finder.waiting.setdefault(module, {})[who] = tell


def _is_ready(module: str) -> bool:
    """Imported to the end: one that is being imported just now is too early to touch."""
    there = sys.modules.get(module)
    if there is None:
        return False
    return not getattr(getattr(there, "__spec__", None), "_initializing", False)
