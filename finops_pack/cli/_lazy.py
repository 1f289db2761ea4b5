"""Standard modules that others import at start and this command seldom needs, loaded at first use.

`dataclasses` imports `inspect`, and with it the compiler's tables: a tenth of a cold
`finops budget` (from Python 3.12 on it asks for each class, and all is loaded); `pathlib` imports
`ipaddress`, by way of `urllib`. To be imported before anything that imports those.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


def defer(name: str) -> None:
    """Put a stand-in in the place of a module that is not loaded yet."""
    if name in sys.modules:
        return
    stand_in = ModuleType(name)

    def load(attribute: str) -> Any:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]
        whole = import_module(name)
        vars(stand_in).update(vars(whole))  # who holds the stand-in holds the module
        return getattr(whole, attribute)

    stand_in.__getattr__ = load  # type: ignore[method-assign]
    sys.modules[name] = stand_in


defer("inspect")
defer("ipaddress")
