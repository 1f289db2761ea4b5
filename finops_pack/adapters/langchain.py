"""LangChain and LangGraph: one callback handler, put into every run of the process.

    import finops_pack.auto                                        # every run, or by hand:
    model.invoke(…, config={"callbacks": [FinOpsCallbackHandler()]})

The handler is synchronous and runs inline, so that a refused budget stops the call and the SDK
below finds the call it works for. All handlers of a process share what they know: a run that
two of them hear of is one row.
"""

from __future__ import annotations

import os
import sys
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from finops_pack import context, recorder
from finops_pack.adapters import _caller, _langchain_read
from finops_pack.adapters._lineage import Lineage, Run, metadata_session, seconds
from finops_pack.recorder import Pending, guard

MODULES = ("langchain_core.tracers.context",)
TESTED = {"langchain-core": ("1.0", "1.9"), "langgraph": ("1.0", "1.3")}
CANNOT_SEE = (
    "vector stores' similarity_search and embeddings: counted below, in the SDK",
    "usage of OpenAI streams behind a base_url or gateway, unless track(exact_streams=True)",
)
_GENERIC = ("Runnable", "LangGraph", "Chat")  # class names that say nothing about the work

lineage = Lineage()
_live: dict[Any, _Live] = {}


class _Live:
    """A model run in flight."""

    __slots__ = ("before", "call", "chars", "run", "usage")

    def __init__(self, call: Pending, run: Run | None) -> None:
        self.call = call
        self.run = run
        self.chars = 0
        self.usage: Any = None
        self.before = context.own(call)


class _Handler:
    """The callbacks; the public class adds LangChain's base class."""

    raise_error = True
    run_inline = True

    @guard
    def on_chat_model_start(
        self,
        serialized: Any,
        messages: Any,
        *,
        run_id: Any,
        parent_run_id: Any = None,
        metadata: Any = None,
        invocation_params: Any = None,
        **_: Any,
    ) -> None:
        """A chat model was asked; refused here when a hard budget says so."""
        sent = messages[0] if messages else []
        _start(run_id, sent, parent_run_id, metadata or {}, invocation_params or {})

    @guard
    def on_llm_start(self, serialized: Any, prompts: Any, *, run_id: Any, **said: Any) -> None:
        """The same for a model that completes text."""
        metadata, params = said.get("metadata") or {}, said.get("invocation_params") or {}
        _start(run_id, prompts, said.get("parent_run_id"), metadata, params)

    @guard
    def on_llm_new_token(self, token: Any, *, run_id: Any, chunk: Any = None, **_: Any) -> None:
        """A piece of a stream: when it began, how much came, should it be cut short."""
        live = _live.get(run_id)
        if live is None:
            return
        live.call.first_token()
        live.chars += len(token) if isinstance(token, str) else 1
        usage = getattr(getattr(chunk, "message", None), "usage_metadata", None)
        if usage:
            live.usage = usage

    @guard
    def on_llm_end(self, response: Any, *, run_id: Any, **_: Any) -> None:
        """The model answered: its row is written."""
        live = _ended(run_id)
        if live is not None:
            for asked in _langchain_read.answer(live.call, response, live.usage):
                lineage.asked(asked, live.call)

    @guard
    def on_llm_error(self, error: Any, *, run_id: Any, response: Any = None, **_: Any) -> None:
        """It failed, was cut short, or its answer was refused by a parser after it was billed."""
        live = _ended(run_id)
        if live is not None:
            _langchain_read.failure(live.call, error, response, live.usage, live.chars)

    @guard
    def on_chain_start(self, serialized: Any, inputs: Any, /, *, run_id: Any, **said: Any) -> None:
        """A chain, a graph or one of its nodes begins."""
        run = lineage.start(run_id, said.get("parent_run_id"))
        if run is not None:
            run.told = said.get("run_type")
            _place(run, said.get("name"), said.get("metadata") or {})

    @guard
    def on_tool_start(self, serialized: Any, text: Any, /, *, run_id: Any, **said: Any) -> None:
        """A tool or retriever runs: calls inside are for it, asked for by who wanted it."""
        run = lineage.start(run_id, said.get("parent_run_id"))
        if run is not None:
            run.action = said.get("name") or (serialized or {}).get("name") or run.action
            run.tool_call_id = said.get("tool_call_id")
            run.asker = lineage.askers.get(run.tool_call_id or "", run.asker)

    @guard
    def on_chain_end(self, outputs: Any, /, *, run_id: Any, **_: Any) -> None:
        """It is over; with the root, the task is."""
        _over(run_id, None)

    @guard
    def on_chain_error(self, error: Any, /, *, run_id: Any, **said: Any) -> None:
        """It failed; a parser's failure is a verdict on the answer before it."""
        run = _over(run_id, error)
        if run is not None and run.told == "parser":
            above = lineage.runs.get(said.get("parent_run_id"))
            verdict = _langchain_read.verdict(error)
            if verdict and above is not None and above.last is not None:
                above.last.amend(verifier=verdict)

    on_retriever_start = on_tool_start
    on_tool_end = on_retriever_end = on_chain_end
    on_tool_error = on_retriever_error = on_chain_error


def _place(run: Run, name: str | None, metadata: dict[str, Any]) -> None:
    """What a chain run is: a node of a graph, the root, or a step inside."""
    run.session = run.session or metadata_session(metadata)
    run.agent = metadata.get("lc_agent_name") or run.agent
    is_node = name == metadata.get("langgraph_node")
    is_named_root = run.root is run and not str(name).startswith(_GENERIC)
    if name and (is_node or is_named_root):
        run.action = name


def _start(run_id: Any, messages: Any, parent_run_id: Any, metadata: Any, params: Any) -> None:
    if run_id in _live:
        return  # another of our handlers told us already
    rec = recorder.get()
    if not rec.enabled:
        return
    run = lineage.runs.get(parent_run_id) if parent_run_id else None
    node = metadata.get("langgraph_node")
    identity = context.new_id()
    fields = {
        "provider": metadata.get("ls_provider"),
        "task": identity,  # a model asked by itself is its whole task
        "framework": "langgraph" if node else "langchain",
        "framework_version": _version(),
        "adapter": "langchain",
    }
    agent, session = metadata.get("lc_agent_name"), metadata_session(metadata)
    action = node
    if run is not None:
        fields["task"], fields["parent"] = run.task, run.asker
        action, agent, session = run.action or node, agent or run.agent, session or run.session
    fields["action"] = action or _caller.name(7)
    if agent or session:
        fields["agent"], fields["session"] = agent, session
    call = rec.begin(
        call_id=identity,
        model=params.get("model") or params.get("model_name") or metadata.get("ls_model_name"),
        messages=messages,
        tools=params.get("tools"),
        max_output_tokens=params.get("max_tokens") or params.get("max_completion_tokens"),
        **fields,
    )
    _live[run_id] = _Live(call, run)
    if run is not None:
        lineage.call_began(run, call)


def _ended(run_id: Any) -> _Live | None:
    live = _live.pop(run_id, None)
    if live is not None:
        context.disown(live.call, live.before)
        if live.run is not None:
            lineage.call_ended(live.run, live.call)
    return live


def _over(run_id: Any, error: BaseException | None) -> Run | None:
    run = lineage.end(run_id, error)
    if run is not None and run.tool_call_id:
        recorder.get().tool_ran(run.tool_call_id, seconds(run), failed=error is not None)
    return run


@lru_cache(maxsize=1)
def _version() -> str | None:
    """LangChain's version."""
    return getattr(sys.modules.get("langchain_core.version"), "VERSION", None)


def install() -> None:
    """Put one handler into every run of this process, its threads and executors included."""
    from langchain_core.tracers import context as tracers

    handler_class = _handler_class()
    if any(hook[2] is handler_class for hook in tracers._configure_hooks):
        return
    # A default, not a set(): raw threads, pools and executors start from defaults.
    variable: ContextVar[Any] = ContextVar("finops_handler", default=handler_class())  # noqa: B039
    tracers.register_configure_hook(variable, True, handler_class)


def _forget() -> None:
    lineage.clear()
    _live.clear()


os.register_at_fork(after_in_child=_forget)

if TYPE_CHECKING:
    from langchain_core.callbacks import BaseCallbackHandler

    class FinOpsCallbackHandler(_Handler, BaseCallbackHandler):  # type: ignore[misc]
        """Records every model call of the runs that it is given to."""


@lru_cache(maxsize=1)
def _handler_class() -> type[FinOpsCallbackHandler]:
    from langchain_core.callbacks import BaseCallbackHandler

    said = "Records every model call of the runs that it is given to."
    body = {"__doc__": said, "__module__": __name__}
    return type("FinOpsCallbackHandler", (_Handler, BaseCallbackHandler), body)


def __getattr__(name: str) -> Any:
    if name == "FinOpsCallbackHandler":
        return _handler_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
