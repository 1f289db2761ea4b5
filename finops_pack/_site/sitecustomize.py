"""Put first on PYTHONPATH by `finops run`: tracks this process, then gives way.

Python imports a module of this name at its start. The one that would have been imported without
us is run too, so an environment that has its own keeps it.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


def _give_way() -> None:
    elsewhere = [path for path in sys.path if os.path.abspath(path or ".") != _HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", elsewhere)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


class _Ours:
    """Finds the pack for an interpreter that has it not installed: the pack, nothing beside it."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> object:
        """The pack that `finops run` belongs to."""
        if name != "finops_pack":
            return None
        folder = os.path.dirname(_HERE)
        return importlib.util.spec_from_file_location(
            name, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
        )


def _track() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036  any interpreter may meet this file
        sys.stderr.write("finops: not tracked, Python 3.11 or newer is needed\n")
        return
    sys.meta_path.append(_Ours)  # type: ignore[arg-type]
    try:
        import finops_pack.auto  # noqa: F401
    except Exception as error:  # noqa: BLE001 - the user's program runs whatever becomes of us
        sys.stderr.write(f"finops: this process is not tracked: {error}\n")


_track()
_give_way()
