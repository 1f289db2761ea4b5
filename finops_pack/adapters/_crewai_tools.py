"""What CrewAI's events say of tools and guardrails: whose calls they make, what they reject."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from finops_pack import context
from finops_pack.adapters import _crewai_read
from finops_pack.adapters import _crewai_runs as runs
from finops_pack.recorder import guard

_DEEP = 20  # tools in tools; what never ended is forgotten below

# The tools that run here: each one's name, and the call that it was begun in. A model's call is
# not over when it runs a tool itself, as `LLM.call(available_functions=…)` does.
_tools: ContextVar[tuple[tuple[str, context.Owner | None], ...]]
_tools = ContextVar("finops_tools", default=())


@guard
def _began(source: Any, event: Any) -> None:
    _tools.set((*_tools.get()[-_DEEP:], (event.tool_name, context.aside())))


@guard
def _over(source: Any, event: Any) -> None:
    *outer, (name, call) = _tools.get() or (("", None),)
    if name == event.tool_name:
        _tools.set(tuple(outer))
        if call is not None:
            context.own(call)


@guard
def _unknown(source: Any, event: Any) -> None:
    runs.reject(event, "tool")


@guard
def _refused(source: Any, event: Any) -> None:
    runs.reject(event, "schema")


@guard
def _failed(source: Any, event: Any) -> None:
    """A tool that the model made up; one that merely failed is no verdict on the answer."""
    if _crewai_read.invented(event):
        runs.reject(event, "tool")


@guard
def _checked(source: Any, event: Any) -> None:
    if not event.success:
        runs.reject(event, "guardrail")


LOOKS: dict[str, Any] = {
    "tool_usage_started": _began,
    "tool_usage_finished": _over,
    "tool_usage_error": _over,
    "tool_selection_error": _unknown,
    "tool_validate_input_error": _refused,
    "tool_failure_detected": _failed,
    "llm_guardrail_completed": _checked,
}
