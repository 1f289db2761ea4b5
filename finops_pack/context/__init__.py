"""Who calls and what for: context variables set by the user, read at every call.

What stands here is explicit, so it wins over what an adapter derives. It follows `await`,
`asyncio` tasks and copied contexts; a raw thread starts without it, as Python has it.
"""

from finops_pack.context._around import (
    Around,
    Owner,
    Waiting,
    around,
    aside,
    disown,
    enter,
    in_task,
    innermost,
    leave,
    own,
    owned,
    owner,
)
from finops_pack.context._held import (
    NOTHING,
    Context,
    Running,
    current,
    merge_tags,
)
from finops_pack.context._ids import new_id, now_us
from finops_pack.context._scopes import Scope, action, set_sink, tags, task
from finops_pack.context._steps import each_step

__all__ = [
    "NOTHING",
    "Around",
    "Context",
    "Owner",
    "Running",
    "Scope",
    "Waiting",
    "action",
    "around",
    "aside",
    "current",
    "disown",
    "each_step",
    "enter",
    "in_task",
    "innermost",
    "leave",
    "merge_tags",
    "new_id",
    "now_us",
    "own",
    "owned",
    "owner",
    "set_sink",
    "tags",
    "task",
]
