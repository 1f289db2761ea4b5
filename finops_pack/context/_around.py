"""What adapters tell each other: the call that is being counted, and the run it is made in."""

from __future__ import annotations

from contextvars import ContextVar
from types import FrameType
from typing import Any, Protocol

from finops_pack.context._held import current


class Waiting(Protocol):
    """Who waits for the answer of a call, or takes the steps of a run."""

    def gone(self, seen_from: FrameType | None) -> bool:
        """Whether he is not at it, as far as can be seen from this frame, or from here."""
        ...


class Owner(Protocol):
    """A call that is being counted: `recorder.Pending`."""

    open: bool
    waiting: Waiting | None
    above: Any  # the owner around it


_owner: ContextVar[Owner | None] = ContextVar("finops_owner", default=None)


def owner(seen_from: FrameType | None = None) -> Any:
    """The open call that an adapter counts around us, or around this frame; or None."""
    held = _owner.get()
    while held is not None and (
        not held.open or (held.waiting is not None and held.waiting.gone(seen_from))
    ):
        held = held.above
    return held


def owned() -> bool:
    """True inside a call that an adapter already counts: whoever is below stays silent."""
    return owner() is not None


def own(call: Owner) -> Owner | None:
    """Mark what follows as part of `call`; hand the result to `disown`."""
    before = _owner.get()
    while before is not None and not before.open:  # its end was told in another context
        before = before.above
    if before is not call:
        call.above = before
    _owner.set(call)
    return before


def disown(call: Owner, before: Owner | None = None) -> None:
    """End `own`, if this context is still the one that it was called in."""
    if _owner.get() is call:
        _owner.set(before)


def aside() -> Owner | None:
    """What follows is part of no call: a tool runs. Hand the result to `own` when it is over."""
    before = _owner.get()
    _owner.set(None)
    return before


class Around(Protocol):
    """A framework's run in which calls are made: what it says of them."""

    open: bool
    waiting: Waiting | None
    before: Around | None
    task: str
    action: str | None
    agent: str | None
    session: str | None
    project: str | None
    asker: str | None


_around: ContextVar[Around | None] = ContextVar("finops_around", default=None)

innermost = _around.get  # the run begun here last, if it is still at work or not


def around() -> Around | None:
    """The framework's run that we are in, for calls that the framework itself does not see."""
    held = _around.get()
    while held is not None and (
        not held.open or (held.waiting is not None and held.waiting.gone(None))
    ):
        held = held.before
    return held


def in_task() -> str | None:
    """The task that we are in: the user's, else that of the framework's run around us."""
    run = around()
    return current().task or (run.task if run is not None else None)


def enter(run: Around) -> Around | None:
    """Mark what follows as part of a framework's run; hand the result to `leave`."""
    before = _around.get()
    while before is not None and not before.open:  # its end was told in another context
        before = before.before
    _around.set(run)
    return before


def leave(run: Around, before: Around | None) -> None:
    """End `enter`, if this context is still the one that it was called in."""
    if _around.get() is run:
        _around.set(before)
