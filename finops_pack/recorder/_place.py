"""What a call is for, where its adapter does not say it alone: the user, and the run around."""

from __future__ import annotations

from typing import Any

from finops_pack import context


def explicit(row: dict[str, Any], held: context.Context) -> None:
    """What the user said wins over what the adapter derived."""
    if held.task is not None:
        row["task"] = held.task
    if held.action is not None:
        row["action"] = held.action
    if held.session is not None:
        row["session"] = held.session
    if held.agent is not None:
        row["agent"] = held.agent
    if held.project is not None:
        row["project"] = held.project
    if held.trigger is not None:
        row["trigger"] = held.trigger
    if held.parent is not None and "parent" not in row:
        row["parent"] = held.parent


def around(row: dict[str, Any]) -> None:
    """What the adapter does not say, the framework's run around the call does."""
    run = context.around()
    if run is None:
        return
    of_run = {"task": run.task, "action": run.action, "agent": run.agent,
              "session": run.session, "project": run.project, "parent": run.asker}  # fmt: skip
    for name, value in of_run.items():
        if value is not None and row.get(name) is None:
            row[name] = value
