"""Every way of calling in every framework, against the wire: one file a framework, found here.

A file says its column (`NAME`), the module that must be there (`NEEDS`), the adapter whose rows
it makes (`ADAPTER`) and what one answer costs (`EXACT`), and has `ways(wire)`: way -> a function
that calls that way. `python -m scripts.coverage` prints the table; `test_matrix.py` holds the
one in `docs/`.
"""

from __future__ import annotations

import os
import pkgutil
from importlib import import_module
from types import ModuleType

from tests.adapters.ways._judge import judge as judge

for name in (
    "CREWAI_DISABLE_TELEMETRY", "OTEL_SDK_DISABLED", "LITELLM_LOCAL_MODEL_COST_MAP",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS",
):  # fmt: skip
    os.environ.setdefault(name, "true")  # no other host is asked

_FILES = [m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")]
_MODULES = [import_module(f"{__name__}.{file}") for file in _FILES]
FRAMEWORKS: dict[str, ModuleType] = {module.NAME: module for module in _MODULES}
WAYS = (
    "plain", "async", "three at once", "batch", "raw threads, pools", "run_in_executor",
    "stream, whole", "stream, async", "stream, half read", "stream, cancelled",
    "stream, usage not asked", "cancelled", "timeout", "bad structured output", "tool call",
    "retried", "refused request", "local cache", "embedding", "over budget",
)  # fmt: skip


def here(framework: str) -> bool:
    """Whether a framework can be imported in this environment."""
    try:
        import_module(FRAMEWORKS[framework].NEEDS)
    except ImportError:
        return False
    return True
