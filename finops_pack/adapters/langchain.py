"""LangChain and LangGraph: one callback handler, put into every run of the process.

    import finops_pack.auto                                        # every run, or by hand:
    model.invoke(…, config={"callbacks": [FinOpsCallbackHandler()]})

The handler is synchronous and runs inline, so that a refused budget stops the call and the SDK
below finds the call it works for. All handlers of a process share what they know: a run that
two of them hear of is one row.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from finops_pack.adapters import _langchain_read
from finops_pack.adapters import _langchain_runs as runs
from finops_pack.adapters._langchain_live import in_flight
from finops_pack.adapters._lineage import last_before
from finops_pack.recorder import guard

MODULES = ("langchain_core.tracers.context",)
TESTED = {"langchain-core": ("1.0", "1.9"), "langgraph": ("1.0", "1.3")}
CANNOT_SEE = (
    "vector stores' similarity_search and embeddings: counted below, in the SDK",
    "usage of OpenAI streams behind a base_url or gateway, unless track(exact_streams=True)",
    "what a model that asks another LangChain model asks besides, unless it tells its usage",
    "that an awaited model over a _stream in a thread asks after its first piece: a row besides",
    "that a call over no SDK we know was cancelled in its own task: unknown, 30 minutes later",
    "that a handler told after ours raised and stopped a call: unknown, 30 minutes later, and "
    "calls that follow in its context may pass as its own; list ours last",
)


class _Handler:
    """The callbacks; the public class adds LangChain's base class."""

    raise_error = True
    run_inline = True
    ignore_llm = ignore_chat_model = False  # plain, where the base class computes them each time

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
        batch_size: int = 1,
        **_: Any,
    ) -> None:
        """A chat model was asked; refused here when a hard budget says so."""
        params = invocation_params
        runs.start(run_id, messages, parent_run_id, metadata, params, serialized, batch_size)

    @guard
    def on_llm_start(self, serialized: Any, prompts: Any, *, run_id: Any, **said: Any) -> None:
        """The same for a model that completes text."""
        above, metadata = said.get("parent_run_id"), said.get("metadata")
        params, prompts_at_once = said.get("invocation_params"), said.get("batch_size") or 1
        runs.start(run_id, (prompts,), above, metadata, params, serialized, prompts_at_once)

    @guard
    def on_llm_new_token(self, token: Any, *, run_id: Any, chunk: Any = None, **_: Any) -> None:
        """A piece of a stream: when it began, how much came, should it be cut short."""
        live = in_flight.get(run_id)
        if live is not None:
            live.came(token, chunk)

    @guard
    def on_llm_end(self, response: Any, *, run_id: Any, **_: Any) -> None:
        """The model answered: its row is written."""
        runs.answered(run_id, response)

    @guard
    def on_llm_error(self, error: Any, *, run_id: Any, response: Any = None, **_: Any) -> None:
        """It failed, was cut short, or its answer was refused by a parser after it was billed."""
        runs.failed(run_id, error, response)

    @guard
    def on_chain_start(self, serialized: Any, inputs: Any, /, *, run_id: Any, **said: Any) -> None:
        """A chain, a graph or one of its nodes begins."""
        run = runs.lineage.start(run_id, said.get("parent_run_id"))
        if run is not None:
            run.told = said.get("run_type")
            runs.place(run, said.get("name"), said.get("metadata") or {})

    @guard
    def on_tool_start(self, serialized: Any, text: Any, /, *, run_id: Any, **said: Any) -> None:
        """A tool or retriever runs: calls inside are for it, asked for by who wanted it."""
        run = runs.lineage.start(run_id, said.get("parent_run_id"))
        if run is not None:
            run.action = said.get("name") or (serialized or {}).get("name") or run.action
            run.tool_call_id = said.get("tool_call_id")
            run.asker = runs.lineage.askers.get(run.tool_call_id or "", run.asker)

    @guard
    def on_chain_end(self, outputs: Any, /, *, run_id: Any, **_: Any) -> None:
        """It is over; with the root, the task is."""
        runs.over(run_id, None)

    @guard
    def on_chain_error(self, error: Any, /, *, run_id: Any, **said: Any) -> None:
        """It failed; a parser's failure is a verdict on the answer before it."""
        run = runs.over(run_id, error)
        if run is not None and run.told == "parser":
            judged = last_before(runs.lineage.runs.get(said.get("parent_run_id")))
            verdict = _langchain_read.verdict(error)
            if verdict and judged is not None:
                judged.amend(verifier=verdict)

    on_retriever_start = on_tool_start
    on_tool_end = on_retriever_end = on_chain_end
    on_tool_error = on_retriever_error = on_chain_error


def install() -> None:
    """Put one handler into every run of this process, its threads and executors included."""
    from langchain_core.tracers import context as tracers

    handler_class = _handler_class()
    if any(hook[2] is handler_class for hook in tracers._configure_hooks):
        return
    # A default, not a set(): raw threads, pools and executors start from defaults.
    variable: ContextVar[Any] = ContextVar("finops_handler", default=handler_class())  # noqa: B039
    tracers.register_configure_hook(variable, True, handler_class)


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
