"""What CrewAI's events are part of: the kickoffs we are in, and the calls in flight."""

from __future__ import annotations

import sys
from collections import OrderedDict
from contextvars import ContextVar
from typing import Any, NamedTuple

from finops_pack import context
from finops_pack.adapters import _above, _crewai_read, _waiting
from finops_pack.recorder import Pending

_REMEMBERED = 1000

_live: OrderedDict[Any, tuple[Pending, Any]] = OrderedDict()
_over: OrderedDict[Any, None] = OrderedDict()  # failures are told twice, some ends too
_last: OrderedDict[Any, Pending] = OrderedDict()  # (task, agent) -> its last call
# The model that began a call here last, and the call's id.
_begun: ContextVar[tuple[Any, str]] = ContextVar("finops_begun", default=(None, ""))


class Kickoff(NamedTuple):
    """A crew at work: its task, and its name as the project."""

    task: str | None
    project: str | None
    scope: context.Scope


_kickoffs: ContextVar[tuple[Kickoff, ...]] = ContextVar("finops_kickoffs", default=())


def kicked_off(event: Any) -> None:
    """A kickoff is a task, unless the user named one; the crew's name is the project."""
    name = _crewai_read.text(event.crew_name)
    scope = _above.derived(task=context.new_id())
    scope.__enter__()
    project = None if name in (None, "crew", "Crew") else name
    _kickoffs.set((*_kickoffs.get(), Kickoff(context.current().task, project, scope)))


def kickoff_over() -> None:
    """The innermost kickoff has ended."""
    held = _kickoffs.get()
    if held:
        held[-1].scope.__exit__(None, None, None)
        _kickoffs.set(held[:-1])


def kickoff() -> Kickoff | None:
    """The kickoff that we are in."""
    held = _kickoffs.get()
    return held[-1] if held else None


def began(source: Any, event: Any, call: Pending) -> None:
    """A call has begun: the SDKs below tell it what they see."""
    call.waiting = _waiting.here(sys._getframe(1))
    _remember(_live, event.call_id, (call, context.own(call)))
    _begun.set((source, event.call_id))
    _remember(_last, _who(event), call)


def refused(source: Any, event: Any) -> None:
    """A budget refused this call: that it failed, as CrewAI says next, is no news."""
    _begun.set((source, event.call_id))
    _remember(_over, event.call_id, None)


def key(source: Any, event: Any) -> str:
    """The id of the call that an event ends: outside of a call's context each event has its own."""
    model, begun = _begun.get()
    known = event.call_id in _live or event.call_id in _over
    return begun if model is source and not known else str(event.call_id)


def is_over(call_id: str) -> bool:
    """Whether the end of this call was told before."""
    return call_id in _over and call_id not in _live


def ended(call_id: str) -> Pending | None:
    """The call that ends; None when nobody told of its beginning."""
    _remember(_over, call_id, None)
    live = _live.pop(call_id, None)
    if live is None:
        return None
    context.disown(*live)
    return live[0]


def reject(event: Any, verifier: str) -> None:
    """The last answer that this role was given did not pass."""
    call = _last.get(_who(event))
    if call is not None:
        call.amend(verifier=verifier)


def _who(event: Any) -> tuple[str | None, str | None]:
    return context.current().task, _crewai_read.role(event)


def _remember(held: OrderedDict[Any, Any], key: Any, value: Any) -> None:
    held[key] = value
    if len(held) > _REMEMBERED:
        held.popitem(last=False)
