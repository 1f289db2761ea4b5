"""AutoGen's tools: a plain function runs in a thread, and what it asks is the task's, too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import finops_pack
from finops_pack.errors import BudgetExceeded
from finops_pack.model import Call
from finops_pack.testing import Reply, Wire

Calls = Callable[[], list[Call]]
pytestmark = pytest.mark.filterwarnings("ignore:Resolved model mismatch")


def agent(client: Any, *tools: Any) -> Any:
    from autogen_agentchat.agents import AssistantAgent

    return AssistantAgent("outer", client, tools=list(tools), reflect_on_tool_use=True)


@pytest.mark.parametrize("plain", [True, False])
def test_what_a_tool_asks_is_of_the_agents_task(
    wire: Wire, client: Any, gpt: Callable[[], str], calls: Calls, plain: bool
) -> None:
    def think(about: str) -> str:
        """Thinks."""
        return gpt()

    async def think_later(about: str) -> str:
        """Thinks."""
        return gpt()

    wanted: Any = think if plain else think_later
    both = [("c1", wanted.__name__, {"about": "a"}), ("c2", wanted.__name__, {"about": "b"})]
    wire.script(Reply(tools=both))
    with finops_pack.tags(customer="acme"):
        asyncio.run(agent(client, wanted).run(task="go"))
    rows = calls()
    assert len(rows) == wire.calls == 4
    assert len({row.task for row in rows}) == 1
    assert {row.agent for row in rows} == {"outer"}
    assert {row.tags["customer"] for row in rows} == {"acme"}


def test_a_tasks_budget_holds_for_what_its_tools_ask(
    wire: Wire, client: Any, gpt: Callable[[], str]
) -> None:
    refused: list[BudgetExceeded] = []

    def think(about: str) -> str:
        """Thinks."""
        with pytest.raises(BudgetExceeded) as error:
            for _ in range(10):
                gpt()
        refused.append(error.value)
        return "no"

    wire.script(Reply(tools=[("c1", "think", {"about": "a"})]))
    with finops_pack.task("mine", budget="0.02 USD/task"), pytest.raises(BudgetExceeded):
        asyncio.run(agent(client, think).run(task="go"))
    assert [error.window for error in refused] == ["task"]
    assert wire.calls < 7
