"""OpenAI Agents SDK: who and what for; the calls themselves are counted in the OpenAI SDK below.

Attribution comes from the SDK's own traces: the trace is the task, the agent's span the agent.
"""

from __future__ import annotations

from typing import Any

from finops_pack.adapters import _above, _patch
from finops_pack.recorder import guard

MODULES = ("agents.tracing",)
TESTED = {"openai-agents": ("0.20", "0.25")}
CANNOT_SEE = (
    "agent and task names where tracing is disabled: the calls are still counted",
    "responses over a websocket, its transport of that name: no row, and no budget holds them",
    "calls of models that use neither the OpenAI or Anthropic SDK nor litellm",
)

_works: dict[str, _above.Work] = {}


def install() -> None:
    """Listen to traces from now on; idempotent. The user's other processors stay."""
    from agents.tracing import add_trace_processor
    from agents.tracing.processor_interface import TracingProcessor
    from agents.tracing.provider import DefaultTraceProvider

    if _installed:
        return
    _installed.append(type("FinOpsProcessor", (_Processor, TracingProcessor), {})())
    add_trace_processor(_installed[0])
    _patch.replace(DefaultTraceProvider, "set_processors", _setting)


def _setting(original: Any) -> Any:
    """Who replaces all processors, as to send OpenAI no traces, does not mean ours."""

    def set_processors(self: Any, processors: Any) -> Any:
        return original(self, [*processors, *_installed])

    return set_processors


_installed: list[Any] = []


class _Processor:
    """Begins a work where a trace or an agent's span begins, in the run's own context."""

    @guard
    def on_trace_start(self, trace: Any) -> None:
        _enter(trace.trace_id, task=trace.trace_id, session=getattr(trace, "group_id", None))

    @guard
    def on_trace_end(self, trace: Any) -> None:
        _leave(trace.trace_id)

    @guard
    def on_span_start(self, span: Any) -> None:
        if getattr(span.span_data, "type", "") == "agent":
            _enter(span.span_id, task=span.trace_id, agent=span.span_data.name)

    @guard
    def on_span_end(self, span: Any) -> None:
        _leave(span.span_id)

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self) -> None:
        """Nothing is held."""


def _enter(key: str, **fields: Any) -> None:
    _works[key] = _above.Work(**fields).__enter__()


def _leave(key: str) -> None:
    work = _works.pop(key, None)
    if work is not None:
        work.__exit__()
