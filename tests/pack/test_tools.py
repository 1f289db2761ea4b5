"""“Check my budget” in each framework: the wire asks for the tool, the ledger answers."""

from __future__ import annotations

import asyncio
import os
from decimal import Decimal
from typing import Any

import pytest

os.environ.setdefault("CREWAI_DISABLE_TELEMETRY", "true")
os.environ.setdefault("OTEL_SDK_DISABLED", "true")

import finops_pack
from finops_pack import admin, recorder, tools
from finops_pack.testing import Reply, Wire

pytestmark = pytest.mark.filterwarnings("ignore")
ASKS = Reply(tools=[("call_1", "check_budget", {})])


@pytest.fixture(autouse=True)
def spent(empty_home: Any) -> Any:
    """$2.50 of $10 a month is spent before the agent asks; its own calls are cents."""
    import finops_pack.auto

    admin.set_budget(None, "10 USD/month")
    finops_pack.record(model="gpt-4o", provider="openai", usage=finops_pack.Usage(1_000_000, 0))
    finops_pack.flush()
    yield
    recorder.close()


def told(wire: Wire) -> str:
    """What the model was told the tool said."""
    messages = wire.requests[-1].body["messages"]
    return str([m["content"] for m in messages if m["role"] in ("tool", "user")][-1])


def test_langchain(wire: Wire) -> None:
    from langchain.agents import create_agent
    from langchain_openai import ChatOpenAI

    from finops_pack.tools.langchain import budget_tools

    wire.script(ASKS, Reply(text="done"))
    model = ChatOpenAI(model="gpt-4o", base_url=wire.openai_url, api_key="none")
    agent = create_agent(model, tools=budget_tools())
    agent.invoke({"messages": [("user", "check my budget")]})
    assert "10 USD/month" in told(wire)
    assert "$2.5" in told(wire)


def test_autogen(wire: Wire) -> None:
    from autogen_agentchat.agents import AssistantAgent
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    from finops_pack.tools.autogen import budget_tools

    wire.script(ASKS, Reply(text="done"))
    client = OpenAIChatCompletionClient(model="gpt-4o", base_url=wire.openai_url, api_key="none")
    agent = AssistantAgent("a", client, tools=budget_tools(), reflect_on_tool_use=True)
    asyncio.run(agent.run(task="check my budget"))
    assert "$2.5" in told(wire)


def test_crewai(wire: Wire) -> None:
    from crewai import LLM, Agent, Crew, Task

    from finops_pack.tools.crewai import budget_tools

    wire.script(ASKS, Reply(text="done"))
    llm = LLM(model="openai/gpt-4o", base_url=wire.openai_url, api_key="none")
    agent = Agent(role="r", goal="g", backstory="b", llm=llm, tools=budget_tools())
    task = Task(description="check my budget", expected_output="e", agent=agent)
    Crew(agents=[agent], tasks=[task]).kickoff()
    bodies = str([seen.body for seen in wire.requests[1:]])
    assert "10 USD/month" in bodies


def test_answers_are_short_and_plain() -> None:
    for answer in (tools.check_budget(), tools.check_budget("0.40"), tools.get_spend()):
        assert 1 <= len(answer.splitlines()) <= tools.MAX_LINES
        assert len(answer) / 4 <= 80  # tokens, as scripts/resident_cost.py counts them
    assert tools.check_budget("0.40").startswith("yes: $0.40; $7.50 left of $10")
    assert tools.get_spend().startswith("total: $2.5")
    for wrong in ("much", "-1", "NaN", -1):
        assert "must be an amount" in tools.check_budget(wrong)
    assert tools.check_budget(0.4) == tools.check_budget("0.40")


def test_without_a_price_an_agent_hears_of_no_zero_dollars() -> None:
    finops_pack.record(model="house-llm", usage=finops_pack.Usage(1_000_000, 0))
    finops_pack.flush()
    assert tools.get_spend().splitlines() == [
        "total: $2.5",
        "gpt-4o: $2.5",
        "house-llm: unpriced",
        "1 of 2 calls has no price: not in these dollars; names and mends: finops doctor",
    ]


def test_the_skills_command_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    from finops_pack import cli

    assert cli.main(["budget"]) == 0
    said = capsys.readouterr().out
    assert said.splitlines() == tools.check_budget().splitlines()
    assert "$7.50 left; $2.50 spent" in said


def test_the_figure_is_the_ledgers() -> None:
    assert finops_pack.spend(last="1d").total.usd == Decimal("2.5")
