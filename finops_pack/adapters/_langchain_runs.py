"""What LangChain's callbacks know: the runs of chains and tools, and the calls made in them.

All handlers of a process share it: a run that two of them hear of is one row.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache, partial
from typing import Any

from finops_pack import context, recorder
from finops_pack.adapters import _caller, _langchain_read, _waiting
from finops_pack.adapters._langchain_live import (
    Live,
    each_by_itself,
    in_flight,
    made_for,
    pass_on,
    told_to_another,
    waits,
)
from finops_pack.adapters._lineage import (
    ROOM,
    SESSIONS,
    Lineage,
    Run,
    inside,
    metadata_session,
    outside,
    seconds,
)
from finops_pack.errors import BudgetExceeded, BudgetStop
from finops_pack.recorder import Pending

_NOTHING: dict[str, Any] = {}
_SESSIONS = frozenset(SESSIONS)
_GENERIC = ("Runnable", "LangGraph", "Chat")  # class names that say nothing about the work

lineage = Lineage()
_refused: list[Any] = [None, None]  # what prompts given at once were asked with, and why not


def place(run: Run, name: str | None, metadata: dict[str, Any]) -> None:
    """What a chain run is: a node of a graph, the root, or a step inside."""
    run.session = run.session or metadata_session(metadata)
    named = metadata.get("lc_agent_name")
    if named and named != run.named:  # else it is said of all that the agent asks for
        run.agent = run.named = named
    is_node = name == metadata.get("langgraph_node")
    is_named_root = run.root is run and not str(name).startswith(_GENERIC)
    if name and (is_node or is_named_root):
        run.action = name
    if run.root is run:
        told = sys._getframe(3)  # above us: the handler's method, its guard
        run.waiting = _waiting.stream(told, told.f_code.co_filename)
        if run.action is None:  # steps in threads of their own do not see who asked
            run.function = _caller.name(4)


def start(
    run_id: Any,
    batch: Any,
    parent_run_id: Any,
    metadata: Any,
    params: Any,
    model: Any,
    at_once: int,
) -> None:
    """A model was asked; raises what `recorder.begin` does when a budget refuses it.

    `at_once` is how many prompts it was given, each of which is told by itself.
    """
    if run_id in in_flight:
        return  # another of our handlers told us already
    rec = recorder.get()
    if not rec.enabled:
        return
    metadata, params = metadata or _NOTHING, params or _NOTHING
    run = lineage.runs.get(parent_run_id) if parent_run_id else None
    row, asked = _row(metadata, params, run, model), batch[0] if batch else ()
    begin = rec.begin_row if at_once == 1 else partial(_begin_one, rec)
    call = begin(row, asked, params.get("tools"), metadata.get("ls_max_tokens"), None, params)
    live = in_flight[run_id] = Live(call, run)
    if len(in_flight) > ROOM:  # of those that were cancelled nobody speaks again
        in_flight.pop(next(iter(in_flight)), None)
    if live.before is not None:
        made_for(live.before, call)
    if sys.modules["asyncio"]._get_running_loop() is not None:
        waits(call, sys._getframe(3))  # above us: the handler's method, its guard
    if run is not None:
        lineage.call_began(run, call)


def _begin_one(rec: recorder.Recorder, *asked: Any) -> Pending:
    """Of several prompts given at once: if one is refused, all of them are."""
    params = asked[-1]
    if params is _refused[0]:
        raise _refused[1]()  # those that are awaited are told of one by one all the same
    try:
        call = rec.begin_row(*asked)
    except (BudgetExceeded, BudgetStop) as error:
        if params:
            _refused[:] = params, partial(type(error), error.refusal)
            leave(params, 0)
        raise
    call.batch = params
    return call


def _row(
    metadata: dict[str, Any], params: dict[str, Any], run: Run | None, model: Any
) -> dict[str, Any]:
    """What is known of a call before it is made."""
    get = metadata.get
    node, identity = get("langgraph_node"), context.new_id()
    known = {
        "id": identity,
        "task": identity,  # a model asked by itself is its whole task
        "model": params.get("model") or params.get("model_name") or get("ls_model_name") or "",
        "framework": "langgraph" if node else "langchain",
        "framework_version": _version(),
        "adapter": "langchain",
    }
    session = None if _SESSIONS.isdisjoint(metadata) else metadata_session(metadata)
    action, agent, provider = node, get("lc_agent_name"), get("ls_provider")
    work = run if run is context.innermost() else _work(run)
    if work is not None:
        if run is not None and agent == run.named:
            agent = work.agent
        action, agent, session = work.action or node, agent or work.agent, session or work.session
        known["task"] = work.task
        if work.project:
            known["project"] = work.project
        if work.asker:
            known["parent"] = work.asker
    began = run.root.function if run is not None else None
    action = action or _caller.name(8, began)  # the frames above: ours and LangChain's
    if action:  # what is None stays out, here and below: to drop it later costs a µs
        known["action"] = action
    if provider and (_bills(provider) or provider != _made_up(model)):
        known["provider"] = provider
    if agent:
        known["agent"] = agent
    if session:
        known["session"] = session
    return known


def _work(run: Run | None) -> context.Around | None:
    """Whose work a model's run in this one is, where that is not told at once."""
    around = context.around()
    return outside(around) if run is None else inside(run, around)


_bills = lru_cache(maxsize=256)(recorder.bills)


def _made_up(model: Any) -> str:
    """The provider that LangChain makes of the name of a class which names none."""
    name = str(((model or _NOTHING).get("id") or ("",))[-1])
    plain = name[4:] if name.startswith("Chat") else name.removesuffix("Chat")
    return plain.removesuffix("LLM").lower()


def answered(run_id: Any, response: Any) -> None:
    """A model answered."""
    live = ended(run_id)
    if live is not None:
        for asked in _langchain_read.answer(live.call, response, live.usage):
            lineage.asked(asked, live.call)


def failed(run_id: Any, error: Any, result: Any) -> None:
    """It failed, was cut short, or its answer was refused by a parser after it was billed."""
    live = in_flight.get(run_id)
    alone = live is not None and each_by_itself(live.call)
    live = ended(run_id, by_itself=alone)
    if live is None:
        return
    _langchain_read.failure(live.call, error, result, live.usage, live.chars)
    if alone and live.call.waiting is None:
        leave(live.call.batch, live.call.began)


def leave(batch: Any, before: int) -> None:
    """Of prompts given at once one is refused, or fails where nobody awaits: the others' end is
    not told. What was asked `before` it may be billed, unless the last was told what came."""
    for run_id, given in list(in_flight.items()):
        live = ended(run_id) if given.call.batch is batch else None
        if live is None:
            continue
        if live.call.told or live.call.began < before:
            live.call.orphan()
        else:
            live.call.drop()


def ended(run_id: Any, *, by_itself: bool = False) -> Live | None:
    """The run of a model is over; None when its rows are another's, or it was over already."""
    live = in_flight.pop(run_id, None)
    if live is not None:
        context.disown(live.call, live.before)
        if live.run is not None:
            lineage.call_ended(live.run, live.call)
        if live.call.batch is not None and told_to_another(live.call) and not by_itself:
            pass_on(live.call)
            return None
    return live


def over(run_id: Any, error: BaseException | None) -> Run | None:
    """A chain, graph, tool or retriever is over."""
    run = lineage.end(run_id, error)
    if run is not None and run.tool_call_id:
        recorder.get().tool_ran(run.tool_call_id, seconds(run), failed=error is not None)
    return run


@lru_cache(maxsize=1)
def _version() -> str | None:
    """LangChain's version."""
    return getattr(sys.modules.get("langchain_core.version"), "VERSION", None)


def forget() -> None:
    """A forked child has none of these runs."""
    lineage.clear()
    in_flight.clear()


os.register_at_fork(after_in_child=forget)
