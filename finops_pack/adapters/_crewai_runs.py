"""CrewAI's calls in flight, by what its events say of them."""

from __future__ import annotations

import sys
from collections import OrderedDict
from contextvars import ContextVar
from typing import Any

from finops_pack import context
from finops_pack.adapters import _crewai_read, _waiting
from finops_pack.recorder import Pending

_REMEMBERED = 1000

_live: OrderedDict[Any, tuple[Pending, Any]] = OrderedDict()
_over: OrderedDict[Any, None] = OrderedDict()  # failures are told twice, some ends too
_last: OrderedDict[Any, Pending] = OrderedDict()  # (task, agent) -> its last call
_names: OrderedDict[Any, str | None] = OrderedDict()  # task's id -> its name
# The model that began a call here last, and the call's id.
_begun: ContextVar[tuple[Any, str]] = ContextVar("finops_begun", default=(None, ""))


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


def task_began(task: Any) -> None:
    """A task of a crew begins: events give the description of one without a name, a prompt."""
    _remember(_names, str(task.id), _crewai_read.text(task.name))


def task_name(event: Any) -> str | None:
    """The name of the task that an event is about."""
    return _names.get(event.task_id)


def reject(event: Any, verifier: str) -> None:
    """The last answer that this role was given did not pass."""
    call = _last.get(_who(event))
    if call is not None:
        call.amend(verifier=verifier)


def _who(event: Any) -> tuple[str | None, str | None]:
    return context.in_task(), _crewai_read.role(event)


def _remember(held: OrderedDict[Any, Any], key: Any, value: Any) -> None:
    held[key] = value
    if len(held) > _REMEMBERED:
        held.popitem(last=False)
