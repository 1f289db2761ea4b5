"""A run of an AutoGen team or agent: `run` and `run_stream`, inside a work of ours."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from typing import Any

from finops_pack import context
from finops_pack.adapters import _above, _patch

Begin = Callable[[Any], _above.Work]


class Alone(_above.Work):
    """An agent that is asked by itself, also by a tool in a team's message."""


def wrap(cls: Any, begin: Begin) -> None:
    """Wrap both methods of a class; idempotent."""
    _patch.replace(cls, "run", partial(_running, begin))
    _patch.replace(cls, "run_stream", partial(_streaming, begin))


def _running(begin: Begin, original: Any) -> Any:
    async def run(self: Any, *args: Any, **options: Any) -> Any:
        with begin(self):
            return await original(self, *args, **options)

    return run


def _streaming(begin: Begin, original: Any) -> Any:
    async def run_stream(self: Any, *args: Any, **options: Any) -> Any:
        steps = context.each_step(original(self, *args, **options), begin(self).step)
        async with aclosing(steps) as stream:
            async for item in stream:
                yield item

    return run_stream
