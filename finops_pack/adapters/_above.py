"""What adapters of frameworks share that stand above an SDK we know.

The SDK below tells such a call what it saw (`Pending.told`): the provider's exact usage, also
where the framework loses it. A framework's call that made several requests is several rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from finops_pack import context
from finops_pack.adapters import _caller
from finops_pack.model import Usage
from finops_pack.recorder import Pending

# Of a reader who leaves, and of a request that comes after the answer: the SDKs' own base class.
_NO_VERDICTS = {"CancelledError", "GeneratorExit", "KeyboardInterrupt", "APIError"}

_OF_A_PIECE = ("served_model", "response_id", "service_tier", "region")  # of a stream


def fail(call: Pending, error: BaseException | str) -> None:
    """End a call that failed; what was billed before it failed is counted, and may be rejected."""
    if not any(seen.get("usage") is not None for seen in call.told):
        call.fail(error)
    elif rejects(error):
        name = error if isinstance(error, str) else type(error).__name__
        call.end_as_told(None, error_type=name[:200], verifier="schema")
    else:
        call.end_as_told(None)


def came(call: Pending) -> Usage | None:
    """What the SDK below was told of a stream that is cut: Claude's begins with its prompt."""
    gathered = getattr(call.below, "gathered", None)
    usage: Usage | None = getattr(gathered, "usage", None)
    return usage if usage is not None and usage.input_tokens else None


def known(call: Pending) -> dict[str, Any]:
    """What else is known of it below: tier and place; whom it asks, where nobody is named."""
    told = getattr(call.below, "call", None)
    whom = getattr(told, "asked", None) if "provider" not in call.row else None
    asked = {"provider": whom[0], "model": whom[1]} if whom else {}
    said = getattr(getattr(call.below, "gathered", None), "said", {})
    seen = {name: said[name] for name in _OF_A_PIECE if said.get(name) is not None}
    return {"region": getattr(told, "region", None), **asked, **seen}


def rejects(error: BaseException | str) -> bool:
    """Whether an error that comes after an answer is a verdict on it."""
    kinds = [error] if isinstance(error, str) else [c.__name__ for c in type(error).__mro__]
    return _NO_VERDICTS.isdisjoint(kinds)


class Work:
    """`with Work(agent=…):` - a framework's run, for all that is called in it.

    It is a task of its own unless it runs in one; what it does not say, the run around it says.
    """

    waiting: context.Waiting | None = None

    def __init__(
        self,
        task: str | None = None,
        *,
        agent: str | None = None,
        session: str | None = None,
    ) -> None:
        self.before = outer = context.around()
        self.open = True
        self.task = context.in_task() or task or context.new_id()
        self.action: str | None = getattr(outer, "action", None)
        self.agent: str | None = agent or getattr(outer, "agent", None)
        self.session: str | None = session or getattr(outer, "session", None)
        self.project: str | None = getattr(outer, "project", None)
        self.asker: str | None = getattr(outer, "asker", None)
        # The user's that began it: the framework may ask in tasks and threads without it.
        self.function: str | None = _caller.name(3, getattr(outer, "function", None))

    def __enter__(self) -> Work:
        context.enter(self)
        return self

    def __exit__(self, *error: object) -> None:
        self.open = False
        context.leave(self, self.before)

    @contextmanager
    def step(self) -> Iterator[None]:
        """A part of the run, with others' code before and after it."""
        before = context.enter(self)
        try:
            yield
        finally:
            context.leave(self, before)


class owning:
    """`with owning(call):` - the SDKs below tell this call instead of counting themselves."""

    def __init__(self, call: Pending) -> None:
        self._call = call
        self._before: Any = None

    def __enter__(self) -> None:
        self._before = context.own(self._call)

    def __exit__(self, *error: object) -> None:
        context.disown(self._call, self._before)


@cache
def version_of(distribution: str) -> str | None:
    """The installed version of a distribution; read once, since that takes a millisecond."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
