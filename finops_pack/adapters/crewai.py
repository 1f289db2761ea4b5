"""CrewAI: the event bus, looked at where an event is emitted, before its pool of threads.

    import finops_pack.auto            # or, explicitly:
    FinOpsListener()

Accounting is by call, from the bus and the SDK below it, never from `crew.usage_metrics`, which
counts a shared model once an agent. A refused budget leaves as CrewAI's own `HookAborted` too.
"""

from __future__ import annotations

import sys
from typing import Any

from finops_pack import recorder
from finops_pack.adapters import (
    _above,
    _ask,
    _crewai_classes,
    _crewai_kickoffs,
    _crewai_read,
    _crewai_tools,
    _ending,
    _patch,
)
from finops_pack.adapters import _crewai_runs as runs
from finops_pack.errors import BudgetExceeded
from finops_pack.model import Usage
from finops_pack.recorder import guard

MODULES = ("crewai",)
TESTED = {"crewai": ("1.13", "1.16")}
CANNOT_SEE = (
    "usage of a custom BaseLLM that neither emits it nor calls a known SDK: estimated",
    "that a custom BaseLLM which emits no beginning of a call asks a known SDK: two rows",
    "that a custom BaseLLM which emits events hands its calls on to another CrewAI LLM: two rows",
    "retries that litellm makes in an HTTP client of its own",
    "that a call over no SDK we know was cancelled in its own task: unknown, 30 minutes later",
    "tasks without a name apart from each other: their description is a prompt and is not kept",
    "before CrewAI 1.15.9, that a native tool call is of a tool the model made up: no verdict",
)
_FAILED = "LLMCallFailed"  # where no exception is at hand
end_well = _ending.crewai_llm  # a crew that ends with a message where its budget does


def install() -> None:
    """Look at every event of every bus and at every kickoff from now on; idempotent."""
    from crewai.events.event_bus import CrewAIEventsBus

    _patch.replace(CrewAIEventsBus, "emit", _emitting)
    _crewai_kickoffs.install()


def _emitting(original: Any) -> Any:
    def emit(self: Any, source: Any, event: Any) -> Any:
        look = _LOOKS.get(getattr(event, "type", ""))
        try:
            if look is not None:
                look(source, event)
        except BudgetExceeded:
            original(self, source, event)  # whose end is told next: CrewAI pairs them
            raise
        return original(self, source, event)

    return emit


@guard
def _started(source: Any, event: Any) -> None:
    try:
        call = recorder.get().begin(
            **_asked(source, event),
            messages=event.messages,
            tools=event.tools,
            max_output_tokens=_crewai_read.bound(source, event),
            request=_crewai_read.request(source, event),
        )
    except BudgetExceeded as refused:
        runs.refused(source, event)
        raise _crewai_classes.aborted(refused) from None
    runs.began(source, event, call)


def _asked(source: Any, event: Any) -> dict[str, Any]:
    """What every event of a call says of it, and the crew around it."""
    return {
        **_crewai_read.named(source, event),
        "adapter": "crewai",
        "framework": "crewai",
        "framework_version": _above.version_of("crewai"),
        "agent": _crewai_read.role(event),
        "action": runs.task_name(event) or _ask.action(5),
    }


@guard
def _completed(source: Any, event: Any) -> None:
    key = runs.key(source, event)
    if runs.is_over(key):
        return
    call, usage, said = runs.ended(key), *_crewai_read.answer(event)
    if call is not None:
        call.end_as_told(usage, **said)
    else:
        _only_its_end(source, event, usage, messages=event.messages, **said)


@guard
def _failed(source: Any, event: Any) -> None:
    key = runs.key(source, event)
    if runs.is_over(key):
        return
    call, error = runs.ended(key), sys.exc_info()[1]
    if call is not None and _crewai_read.failed_in_a_tool(event):
        call.end_as_told(None)
    elif call is not None:
        _above.fail(call, error if error is not None else _FAILED)
    else:
        _only_its_end(source, event, None, status="error", error_type=_FAILED)


def _only_its_end(source: Any, event: Any, usage: Usage | None, **said: Any) -> None:
    """A custom model that tells of no beginning: its answer is there, no budget can refuse it."""
    recorder.get().record(usage=usage, **_asked(source, event), **said)


@guard
def _task_began(source: Any, event: Any) -> None:
    runs.task_began(source)


_LOOKS: dict[str, Any] = {
    "llm_call_started": _started,
    "llm_call_completed": _completed,
    "llm_call_failed": _failed,
    "task_started": _task_began,
    **_crewai_tools.LOOKS,
}


def __getattr__(name: str) -> Any:
    if name != "FinOpsListener":
        raise AttributeError(name)
    globals()[name] = made = _crewai_classes.listener(install)
    return made
