"""LangChain's models in flight: which requests below, and which other models asked, are theirs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import CO_COROUTINE
from types import FrameType
from typing import Any

from finops_pack import context
from finops_pack.adapters import _waiting
from finops_pack.adapters._lineage import Run
from finops_pack.recorder import Pending, guard
from finops_pack.recorder._messages import flat

_MODELS = ("langchain_core.language_models.chat_models", "langchain_core.language_models.llms")

in_flight: dict[Any, Live] = {}


class Live:
    """A model run in flight."""

    chars = 0
    usage: Any = None
    begun = False

    def __init__(self, call: Pending, run: Run | None) -> None:
        self.call = call
        self.run = run
        self.before: Any = context.own(call)

    def came(self, token: Any, chunk: Any) -> None:
        """A piece of its stream."""
        if not self.begun:
            self._begins()
        self.call.first_token()
        message = getattr(chunk, "message", None)
        self.chars += _length(token, message)
        usage = getattr(message, "usage_metadata", None)
        if usage:
            self.usage = usage if self.usage is None else _summed(self.usage, usage)

    def _begins(self) -> None:
        """Between the pieces of a stream the user's code runs: that it does not own."""
        self.begun = True
        frame: FrameType | None = sys._getframe(4)  # above us: the handler's method, its guard
        while frame is not None and frame.f_globals.get("__name__") not in _MODELS:
            frame = frame.f_back
        if frame is None:
            context.disown(self.call, self.before)
        elif _waiting.steps(frame):
            self.call.waiting = _waiting.Stepping(frame)


def _length(token: Any, message: Any) -> int:
    """Characters of a piece: its text, which may stand in blocks, and what it asks of tools."""
    asked = getattr(message, "tool_call_chunks", None) or ()
    text = token if isinstance(token, str) else flat(token)
    return len(text) + sum(len(call.get("args") or "") for call in asked)


def _summed(before: Any, usage: Any) -> Any:
    """Each piece of a stream tells what it adds: Gemini the prompt with its first one alone."""
    from langchain_core.messages.ai import add_usage

    return add_usage(before, usage)


def told_to_another(call: Pending) -> bool:
    """Of prompts given at once the last owns the requests: if it was told, it is all the rows."""
    last = _last(call)
    last.counts_all = last.counts_all or bool(last.told)
    return last is not call and last.counts_all


def pass_on(call: Pending) -> None:
    """It is no row: the last of the prompts that were given with it is."""
    call.others = (_last(call),)
    call.drop()


def _last(call: Pending) -> Pending:
    while call.others and call.others[0].batch is call.batch:
        call = call.others[0]
    return call


def each_by_itself(call: Pending) -> bool:
    """Whether it is one of several prompts, each of which a chat model asks for by itself."""
    return bool(call.batch) and not isinstance(next(iter(call.messages or ("",))), str)


def made_for(above: Any, call: Pending) -> None:
    """A model asks another: at its end it is seen whether it did more than that."""
    if above.waiting is not None and above.waiting.gone(None):
        return  # it is the user who asks, between the pieces of a stream
    if above.row.get("adapter") == "langchain":
        above.others += (call,)


def waits(call: Pending, told: FrameType) -> None:
    """`ainvoke` may be cancelled without a word; what is not asynchronous tells of any end."""
    if told.f_code.co_flags & CO_COROUTINE:
        call.waiting = _waiting.here(told, told.f_code.co_filename)


@contextmanager
def owning(managers: Any) -> Iterator[None]:
    """These runs were told of in tasks of their own; it is here that their requests are made."""
    lives = _own_again(managers) or []
    try:
        yield
    finally:
        for live in reversed(lives):
            context.disown(live.call, live.before)


@guard
def _own_again(managers: Any) -> list[Live]:
    lives = [in_flight[told.run_id] for told in managers if told.run_id in in_flight]
    for live in lives:
        live.before = context.own(live.call)
        if live.before is not None and live.before.batch is live.call.batch is not None:
            made_for(live.before, live.call)
    return lives
