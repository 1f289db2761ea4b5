"""CrewAI: the event bus, looked at where an event is emitted, before its pool of threads.

    import finops_pack.auto            # or, explicitly:
    FinOpsListener()

Accounting is by call, from the bus and the SDK below it, never from `crew.usage_metrics`, which
counts a shared model once an agent. A refused budget leaves as CrewAI's own `HookAborted` too,
the one exception that no part of CrewAI swallows.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from contextvars import ContextVar
from typing import Any

from finops_pack import context, recorder
from finops_pack.adapters import _above, _ending, _usage
from finops_pack.errors import BudgetExceeded
from finops_pack.model import Usage
from finops_pack.recorder import Pending, guard
from finops_pack.recorder._messages import get

MODULES = ("crewai.events.event_bus",)
TESTED = {"crewai": ("1.13", "1.16")}
CANNOT_SEE = (
    "usage of a custom BaseLLM that neither emits it nor calls a known SDK: estimated",
    "retries that litellm makes in an HTTP client of its own",
)
_REMEMBERED = 1000
end_well = _ending.crewai_llm  # a crew that ends with a message where its budget does

_live: dict[str, tuple[Pending, Any]] = {}
_over: OrderedDict[str, None] = OrderedDict()  # failures are told twice, some ends too
_last: OrderedDict[tuple[Any, Any], Pending] = OrderedDict()  # (task, agent) -> its last call
_kickoff: ContextVar[tuple[Any, ...]] = ContextVar("finops_kickoff", default=())
_version: list[str | None] = []


def install() -> None:
    """Look at every event of every bus from now on; idempotent."""
    from crewai.events.event_bus import CrewAIEventsBus

    if getattr(CrewAIEventsBus.emit, "finops", False):
        return
    original = CrewAIEventsBus.emit
    _version.append(_above.version_of("crewai"))

    def emit(self: Any, source: Any, event: Any) -> Any:
        look = _LOOKS.get(getattr(event, "type", ""))
        if look is not None:
            look(source, event)
        return original(self, source, event)

    emit.finops = True  # type: ignore[attr-defined]
    CrewAIEventsBus.emit = emit  # type: ignore[method-assign]


@guard
def _started(source: Any, event: Any) -> None:
    rec = recorder.get()
    provider, model = _named(source, event)
    stack = _kickoff.get()
    crew = stack[-1] if stack else None
    try:
        call = rec.begin(
            model=model,
            provider=provider,
            adapter="crewai",
            framework="crewai",
            framework_version=_version[0],
            agent=_text(event.agent_role),
            action=_text(event.task_name),
            task=crew and crew[0],
            project=None if rec.settings.project else crew and crew[1],
            messages=event.messages,
            tools=event.tools,
            max_output_tokens=int(event.max_tokens) if event.max_tokens else None,
        )
    except BudgetExceeded as refused:
        raise _aborted(refused) from None
    _live[event.call_id] = (call, context.own(call))
    _last[_who(event)] = call
    if len(_last) > _REMEMBERED:
        _last.popitem(last=False)


@guard
def _completed(source: Any, event: Any) -> None:
    call = _ended(source, event)
    if call is None:
        return
    kind = getattr(getattr(event, "call_type", None), "value", "")
    asked = event.response if kind == "tool_call" and isinstance(event.response, list) else ()
    _above.finish(
        call,
        usage_of(event.usage),
        response=event.response if isinstance(event.response, str) else None,
        tool_calls=[_tool(one) for one in asked],
        finish_reason=event.finish_reason,
        response_id=event.response_id,
    )


@guard
def _failed(source: Any, event: Any) -> None:
    call = _ended(source, event)
    if call is not None:
        error = sys.exc_info()[1]
        _above.fail(call, error if error is not None else "LLMCallFailed")


def _ended(source: Any, event: Any) -> Pending | None:
    """The call that this event ends; None when it ended before."""
    live = _live.pop(event.call_id, None)
    if live is not None:
        context.disown(*live)
    elif event.call_id not in _over:  # a custom model that says only how its calls end
        provider, model = _named(source, event)
        live = (recorder.get().begin(model=model, provider=provider, adapter="crewai"), None)
    _over[event.call_id] = None
    if len(_over) > _REMEMBERED:
        _over.popitem(last=False)
    return live[0] if live else None


@guard
def _kicked_off(source: Any, event: Any) -> None:
    """A kickoff is a task, unless the user named one; the crew's name is the project."""
    name = _text(event.crew_name)
    held = context.current().task
    scope = _above.derived(task=held or context.new_id())
    scope.__enter__()
    project = None if name in (None, "crew", "Crew") else name
    _kickoff.set((*_kickoff.get(), (context.current().task, project, scope)))


@guard
def _kicked_off_and_over(source: Any, event: Any) -> None:
    stack = _kickoff.get()
    if stack:
        stack[-1][2].__exit__(None, None, None)
        _kickoff.set(stack[:-1])


@guard
def _tool_unknown(source: Any, event: Any) -> None:
    _reject(event, "tool")


@guard
def _tool_refused(source: Any, event: Any) -> None:
    _reject(event, "schema")


@guard
def _tool_failed(source: Any, event: Any) -> None:
    """A tool that the model made up; one that merely failed is no verdict on the answer."""
    if "not found" in str(get(event, "error") or get(event, "output") or "").lower():
        _reject(event, "tool")


def _reject(event: Any, verifier: str) -> None:
    call = _last.get(_who(event))
    if call is not None:
        call.amend(verifier=verifier)


_LOOKS: dict[str, Any] = {
    "llm_call_started": _started,
    "llm_call_completed": _completed,
    "llm_call_failed": _failed,
    "crew_kickoff_started": _kicked_off,
    "crew_kickoff_completed": _kicked_off_and_over,
    "crew_kickoff_failed": _kicked_off_and_over,
    "tool_selection_error": _tool_unknown,
    "tool_validate_input_error": _tool_refused,
    "tool_failure_detected": _tool_failed,
}


def usage_of(usage: Any) -> Usage | None:
    """Usage as the native clients give it (flat), else the provider's raw shape."""
    cached = _usage.first(usage, "cached_prompt_tokens")
    written = _usage.first(usage, "cache_creation_tokens")
    if isinstance(usage, dict) and (cached or written or "reasoning_tokens" in usage):
        return Usage(
            input_tokens=_usage.first(usage, "prompt_tokens", "input_tokens"),
            output_tokens=_usage.first(usage, "completion_tokens", "output_tokens"),
            cache_read_tokens=cached,
            cache_write_5m_tokens=written,
            reasoning_tokens=_usage.first(usage, "reasoning_tokens"),
        )
    return _usage.any_shape(usage) if usage else None


def _named(source: Any, event: Any) -> tuple[str | None, str]:
    """(provider, model): litellm keeps its provider as a prefix of the name."""
    model = str(event.model or getattr(source, "model", "") or "")
    head, slash, rest = model.partition("/")
    provider = _text(getattr(source, "provider", None)) or (head if slash else None)
    return provider, rest if slash and head == provider else model


def _tool(asked: Any) -> dict[str, Any]:
    function = get(asked, "function") or asked
    return {
        "id": get(asked, "id"),
        "name": get(function, "name"),
        "args": get(function, "arguments") or get(asked, "input") or "",
    }


def _who(event: Any) -> tuple[Any, Any]:
    return context.current().task, _text(get(event, "agent_role"))


def _text(value: Any) -> str | None:
    return str(value).strip()[:200] or None if value else None


def _aborted(refused: BudgetExceeded) -> BaseException:
    from crewai.hooks.dispatch import HookAborted

    class Stopped(BudgetExceeded, HookAborted):
        """Ours, and CrewAI's own word for it."""

        reason = property(lambda self: self.refusal.reason, lambda self, value: None)
        source = "finops_pack"

    Stopped.__name__ = Stopped.__qualname__ = "BudgetExceeded"
    return Stopped(refused.refusal)


def __getattr__(name: str) -> Any:
    if name != "FinOpsListener":
        raise AttributeError(name)
    from crewai.events import BaseEventListener

    class FinOpsListener(BaseEventListener):
        """Track every crew of this process: `FinOpsListener()`, once, before the kickoff."""

        def setup_listeners(self, crewai_event_bus: Any) -> None:
            """The bus is looked at as a whole: there is nothing to subscribe one by one."""
            install()

    globals()[name] = FinOpsListener
    return FinOpsListener
