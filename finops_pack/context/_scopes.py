"""`task`, `action` and `tags`: blocks and decorators that say who calls and what for."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import threading
from collections.abc import Callable, Mapping
from contextvars import Token
from decimal import Decimal
from typing import Any, TypeVar

from finops_pack.budgets import parse
from finops_pack.context._around import in_task
from finops_pack.context._held import Context, merge_tags, variable
from finops_pack.context._ids import new_id, now_us
from finops_pack.context._steps import async_steps, steps
from finops_pack.model import Outcome, Trigger
from finops_pack.money import from_pico, plain

F = TypeVar("F", bound=Callable[..., Any])

_sink: list[Callable[[dict[str, Any]], None]] = []


def set_sink(write: Callable[[dict[str, Any]], None]) -> None:
    """Where `task` lines go; the recorder says it when it is imported."""
    _sink[:] = [write]


class Scope:
    """Fields of the context that hold inside `with`, `async with` or a decorated function."""

    def __init__(self, **changes: Any) -> None:
        self._changes = changes
        self._tokens: list[Token[Context]] = []

    def _apply(self, held: Context) -> Context:
        changes = {name: value for name, value in self._changes.items() if value is not None}
        if "tags" in changes:
            changes["tags"] = merge_tags(held.tags, changes["tags"])
        return held._replace(**changes)

    def __enter__(self) -> Any:
        self._tokens.append(variable.set(self._apply(variable.get())))
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        for token in reversed(tuple(self._tokens)):
            try:
                variable.reset(token)
            except (ValueError, RuntimeError):  # of another thread or task in the same block,
                continue  # or closed in another context, which never held our fields
            self._tokens.remove(token)
            return

    async def __aenter__(self) -> Any:
        return self.__enter__()

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.__exit__(kind, error, trace)

    def _again(self, function: Callable[..., Any]) -> Scope:
        return type(self)(**self._changes)

    def __call__(self, function: F) -> F:
        """Decorate: each call of the function is a scope of its own; coroutines, generators too."""

        @functools.wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with self._again(function):
                return function(*args, **kwargs)

        @functools.wraps(function)
        async def inside_async(*args: Any, **kwargs: Any) -> Any:
            with self._again(function):
                return await function(*args, **kwargs)

        @functools.wraps(function)
        def inside_steps(*args: Any, **kwargs: Any) -> Any:
            return (yield from steps(self._again(function), function(*args, **kwargs)))

        @functools.wraps(function)
        async def inside_async_steps(*args: Any, **kwargs: Any) -> Any:
            stream = async_steps(self._again(function), function(*args, **kwargs))
            async with contextlib.aclosing(stream):
                async for item in stream:
                    yield item

        if inspect.iscoroutinefunction(function):
            return inside_async  # type: ignore[return-value]
        if inspect.isgeneratorfunction(function):
            return inside_steps  # type: ignore[return-value]
        if inspect.isasyncgenfunction(function):
            return inside_async_steps  # type: ignore[return-value]
        return inside  # type: ignore[return-value]


class action(Scope):
    """`with action("code_generation"):` names what the calls inside are for."""

    def __init__(self, name: str) -> None:
        super().__init__(action=name)

    def _again(self, function: Callable[..., Any]) -> Scope:
        return action(self._changes["action"])


class tags(Scope):
    """`with tags(customer="acme"):` marks the calls inside for chargeback."""

    def __init__(self, **values: str) -> None:
        super().__init__(tags=values)

    def _again(self, function: Callable[..., Any]) -> Scope:
        return tags(**self._changes["tags"])


class task(Scope):
    """One run of the user's work: the unit of cost. `cost` and `calls` count nested tasks too.

    `cost` is that of the calls with a price: beside it, `unpriced_calls` counts the others.
    A decorated function is a new task each time, named `id` (or the function) and a number.
    An exception that leaves the task makes its outcome `failed` unless one was set. Raises
    `ConfigError` for a budget that cannot be read: the limit would not hold.
    """

    def __init__(
        self,
        id: str | None = None,
        *,
        outcome: Outcome | None = None,
        budget: str | None = None,
        trigger: Trigger | None = None,
        project: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(trigger=trigger, project=project, tags=tags)
        if budget is not None:
            parse(budget, "task budget")
        self._given = id
        self.id = id or new_id()
        self.outcome = outcome
        self.budget = budget
        self.calls = 0
        self.unpriced_calls = 0
        self._pico = 0
        self._lock = threading.Lock()
        self._pid = 0

    @property
    def cost(self) -> Decimal:
        """USD spent so far by the calls that have ended (billed or priced, exact)."""
        return Decimal(plain(from_pico(self._pico)))  # which is printed as it is

    def succeeded(self) -> None:
        """The work was done: the task counts in the cost of a success."""
        self.outcome = "succeeded"

    def failed(self) -> None:
        """The work was not done."""
        self.outcome = "failed"

    def add(self, pico: int, calls: int = 1, unpriced: int = 0) -> None:
        """Count what has ended, in pico-USD; called by the recorder."""
        with self._lock:
            self.calls += calls
            self.unpriced_calls += unpriced
            self._pico += pico

    def _apply(self, held: Context) -> Context:
        inside = super()._apply(held)
        return inside._replace(task=self.id, running=(*held.running, self))

    def _again(self, function: Callable[..., Any]) -> Scope:
        name = self._given or function.__qualname__
        given = self._changes
        return task(
            f"{name}#{new_id()}",
            outcome=self.outcome,
            budget=self.budget,
            trigger=given["trigger"],
            project=given["project"],
            tags=given["tags"],
        )

    def __enter__(self) -> task:
        outer = in_task()
        super().__enter__()
        self._pid = os.getpid()
        inside = variable.get()
        self._write(
            start_us=now_us(),
            parent=outer,
            project=inside.project,
            session=inside.session,
            trigger=inside.trigger,
            budget=self.budget,
        )
        return self

    async def __aenter__(self) -> task:
        return self.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        super().__exit__(kind, error, trace)
        if error is not None and self.outcome is None:
            self.outcome = "failed"
        if self._pid == os.getpid():  # a forked child leaves the block too; it is not the task
            self._write(end_us=now_us(), outcome=self.outcome)

    def _write(self, **fields: Any) -> None:
        said = {name: value for name, value in fields.items() if value is not None}
        for write in _sink:
            write({"type": "task", "id": self.id, **said})
