"""AutoGen's plain functions as tools: what they ask is of the task, agent and tags around them.

AutoGen runs a function that is not asynchronous in a thread, which starts without all that.
"""

from __future__ import annotations

import copy
import inspect
from contextvars import copy_context
from functools import partial
from typing import Any

from finops_pack.adapters import _patch
from finops_pack.recorder import guard

MODULES = ("autogen_core.tools",)
TESTED = {"autogen-core": ("0.7", "0.8")}
CANNOT_SEE = ()
HELPS = "autogen"


def install() -> None:
    """Wrap what every function runs through; idempotent."""
    from autogen_core.tools import FunctionTool

    _patch.replace(FunctionTool, "run", _running)


def _running(original: Any) -> Any:
    async def run(self: Any, *args: Any, **options: Any) -> Any:
        return await original(_in_this_context(self) or self, *args, **options)

    return run


@guard
def _in_this_context(tool: Any) -> Any:
    """The same tool, its function run in our context; a copy, since others may run it now."""
    if inspect.iscoroutinefunction(tool._func):
        return tool
    inside = copy.copy(tool)
    inside._func = partial(copy_context().run, tool._func)
    return inside
