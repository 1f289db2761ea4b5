"""The tree of runs in which a framework makes its calls: whose work, what for, asked by whom."""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import Any

from finops_pack import context, recorder
from finops_pack.recorder import Pending

FORGOTTEN_AFTER = 3600.0  # seconds; a run that never ended is dropped when room is needed
ROOM = 10_000
SESSIONS = ("thread_id", "session_id", "conversation_id")  # of a framework's metadata


class Run:
    """One run of a chain, graph node, tool or retriever; it hands down what it does not change."""

    __slots__ = (
        "action",
        "agent",
        "asker",
        "before",
        "began",
        "calls",
        "function",
        "key",
        "last",
        "named",
        "open",
        "part",
        "project",
        "root",
        "session",
        "start_us",
        "task",
        "told",
        "tool_call_id",
        "used",
        "waiting",
    )

    def __init__(self, key: Hashable, parent: Run | None) -> None:
        self.key = key
        self.open = True
        self.before = context.enter(self)
        self.began = time.perf_counter()
        self.tool_call_id: str | None = None
        self.action: str | None = None
        self.agent: str | None = None
        self.named: str | None = None  # the agent that the framework named last, here or above
        self.session: str | None = None
        self.project: str | None = None
        self.asker: str | None = None
        self.told: str | None = None  # the run's own kind, where the adapter cares
        self.last: Pending | None = None
        self.waiting: context.Waiting | None = None  # of a stream: who takes its steps
        if parent is None:
            self._as_root(key)
            return
        self.root: Run = parent.root
        self.named = parent.named
        above = inside(parent, self.before)
        self.task: str = above.task
        self.action, self.agent = above.action, above.agent
        self.session, self.project, self.asker = above.session, above.project, above.asker

    def _as_root(self, key: Hashable) -> None:
        above = outside(self.before)
        self.root = self
        self.task = above.task if above is not None else str(key)
        self.start_us = context.now_us()
        self.part = above is not None or context.current().task is not None
        if above is not None:
            self.action, self.agent = above.action, above.agent
            self.session, self.project, self.asker = above.session, above.project, above.asker
        self.calls: dict[str, Pending] = {}
        self.function: str | None = None  # the user's that began it, where the adapter looks
        self.used = False


def outside(run: context.Around | None) -> context.Around | None:
    """The run of another framework in which this one was begun; ours name their parents."""
    while isinstance(run, Run):
        run = run.before
    return run


def inside(run: Run, innermost: context.Around | None) -> context.Around:
    """Who says what is done in `run`: a run of another framework that was begun in it, else it."""
    if innermost is None or isinstance(innermost, Run):
        return run
    before = innermost.before
    while before is not None and before is not run:
        before = before.before
    return run if before is None else innermost


class Lineage:
    """All runs in flight of one framework in this process."""

    def __init__(self) -> None:
        self.runs: dict[Hashable, Run] = {}
        self.askers: dict[str, str] = {}

    def start(self, key: Hashable, parent: Hashable | None) -> Run | None:
        """A new run under `parent`; None when this run is known already."""
        if key in self.runs:
            return None
        if len(self.runs) >= ROOM:
            self._forget()
        run = self.runs[key] = Run(key, self.runs.get(parent) if parent else None)
        return run

    def end(self, key: Hashable, error: BaseException | None = None) -> Run | None:
        """A run is over; with a root, its task is, and calls still open in it are unknown."""
        run = self.runs.pop(key, None)
        if run is None:
            return None
        run.open = False
        context.leave(run, run.before)
        if run.last is not None and isinstance(run.before, Run):
            run.before.last = run.last  # of the steps of a chain, of which the next may judge it
        if run.root is run:
            self._task_over(run, error)
        return run

    def call_began(self, run: Run, call: Pending) -> None:
        """A call was begun in this run."""
        run.root.calls[call.id] = call
        run.root.used = True

    def call_ended(self, run: Run, call: Pending) -> None:
        """It has ended."""
        run.root.calls.pop(call.id, None)
        run.last = call

    def asked(self, tool_call_id: str, call: Pending) -> None:
        """This call asked for a tool: calls made by the tool have it as parent."""
        self.askers[tool_call_id] = call.id
        if len(self.askers) > ROOM:
            self.askers.pop(next(iter(self.askers)), None)

    def _task_over(self, root: Run, error: BaseException | None) -> None:
        rec = recorder.get()
        for call in list(root.calls.values()):
            call.orphan()
        if not root.used or root.part:
            return
        line = {"type": "task", "id": root.task, "start_us": root.start_us}
        line["end_us"] = context.now_us()
        if root.session:
            line["session"] = root.session
        if error is not None:
            line["outcome"] = "failed"
        rec.write(line)
        if not root.session:
            rec.session_over(root.task)

    def _forget(self) -> None:
        limit = time.perf_counter() - FORGOTTEN_AFTER
        for key in [run.key for run in list(self.runs.values()) if run.began < limit]:
            self.end(key)

    def clear(self) -> None:
        """Forget everything: a forked child has none of these runs."""
        self.runs.clear()
        self.askers.clear()


def last_before(run: context.Around | None) -> Pending | None:
    """The call that ended last in this run, or in the nearest one around it that made any."""
    while isinstance(run, Run):
        if run.last is not None:
            return run.last
        run = run.before
    return None


def seconds(run: Run) -> float:
    """How long a run has lasted."""
    return time.perf_counter() - run.began


def metadata_session(metadata: dict[str, Any]) -> str | None:
    """The conversation that a framework's metadata names."""
    named = next((told for name in SESSIONS if (told := metadata.get(name))), None)
    return str(named) if named else None
