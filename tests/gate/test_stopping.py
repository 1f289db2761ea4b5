"""A refused budget stops each framework before the call: no HTTP, retries included."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pytest

os.environ.setdefault("CREWAI_DISABLE_TELEMETRY", "true")
os.environ.setdefault("OTEL_SDK_DISABLED", "true")

import finops_pack
from finops_pack import recorder
from finops_pack.errors import BudgetExceeded, BudgetStop
from finops_pack.testing import Wire

pytestmark = pytest.mark.filterwarnings("ignore")
NOTHING_LEFT = "0.000001 USD/day"


@pytest.fixture(autouse=True)
def broke(empty_home: Any) -> Iterator[finops_pack.Tracker]:
    yield finops_pack.track(budget=NOTHING_LEFT)
    recorder.close()


def chat(wire: Wire, **settings: Any) -> Any:
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model="gpt-4o", base_url=wire.openai_url, api_key="none", **settings)


async def _astream(model: Any) -> None:
    async for _ in model.astream("hi"):
        pass


LANGCHAIN = {
    "invoke": lambda model: model.invoke("hi"),
    "batch": lambda model: model.batch(["a", "b"]),
    "stream": lambda model: list(model.stream("hi")),
    "ainvoke": lambda model: asyncio.run(model.ainvoke("hi")),
    "astream": lambda model: asyncio.run(_astream(model)),
    "with_retry": lambda model: model.with_retry(stop_after_attempt=3).invoke("hi"),
    "with_fallbacks": lambda model: model.with_fallbacks([model]).invoke("hi"),
}


@pytest.mark.parametrize("way", LANGCHAIN)
def test_langchain_riskkernel_55(wire: Wire, way: str) -> None:
    with pytest.raises(BudgetExceeded):
        LANGCHAIN[way](chat(wire))
    assert wire.calls == 0


def test_langchain_agent_whose_middleware_swallows_is_still_stopped(
    wire: Wire, broke: finops_pack.Tracker
) -> None:
    from langchain.agents import create_agent
    from langchain.agents.middleware import ModelRetryMiddleware

    agent = create_agent(chat(wire), tools=[], middleware=[ModelRetryMiddleware(max_retries=2)])
    agent.invoke({"messages": [("user", "hi")]})
    assert wire.calls == 0
    assert broke.refusal is not None
    assert broke.refusal.reason == "exceeded"


def test_langchain_agent_ends_with_a_message_of_its_own(wire: Wire) -> None:
    from langchain.agents import create_agent

    from finops_pack.adapters.langchain_agents import BudgetMiddleware

    agent = create_agent(chat(wire), tools=[], middleware=[BudgetMiddleware()])
    answer = agent.invoke({"messages": [("user", "hi")]})
    assert wire.calls == 0
    assert "budget" in answer["messages"][-1].content.lower()


def test_hard_stop_passes_whoever_swallows_exceptions(wire: Wire) -> None:
    finops_pack.track(budget=NOTHING_LEFT, stop="hard")
    with pytest.raises(BudgetStop):
        chat(wire).with_retry(stop_after_attempt=3).invoke("hi")
    assert wire.calls == 0


def test_crewai(wire: Wire, broke: finops_pack.Tracker) -> None:
    from crewai import LLM, Agent, Crew, Task

    llm = LLM(model="openai/gpt-4o", base_url=wire.openai_url, api_key="none")
    agent = Agent(role="r", goal="g", backstory="b", llm=llm)
    tasks = [Task(description="d", expected_output="e", agent=agent) for _ in range(2)]
    with pytest.raises(Exception, match="budget exceeded"):
        Crew(agents=[agent], tasks=tasks).kickoff()
    assert wire.calls == 0
    assert broke.refusal is not None


def test_autogen_agent_and_team(wire: Wire, broke: finops_pack.Tracker) -> None:
    from autogen_agentchat.agents import AssistantAgent
    from autogen_agentchat.conditions import MaxMessageTermination
    from autogen_agentchat.teams import RoundRobinGroupChat
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    client = OpenAIChatCompletionClient(model="gpt-4o", base_url=wire.openai_url, api_key="none")
    with pytest.raises(BudgetExceeded):
        asyncio.run(AssistantAgent("a", client).run(task="go"))
    team = RoundRobinGroupChat(
        [AssistantAgent("a", client)], termination_condition=MaxMessageTermination(3)
    )
    with pytest.raises(Exception, match="budget exceeded"):
        asyncio.run(team.run(task="go"))
    assert wire.calls == 0
    assert broke.refusal is not None


def test_sdks(wire: Wire) -> None:
    import anthropic
    import openai

    asks = [
        lambda: openai.OpenAI(base_url=wire.openai_url, api_key="n").chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "hi"}]
        ),
        lambda: openai.OpenAI(base_url=wire.openai_url, api_key="n").responses.create(
            model="gpt-4o", input="hi"
        ),
        lambda: anthropic.Anthropic(base_url=wire.url, api_key="n").messages.create(
            model="claude-opus-4-6", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
        ),
    ]
    for ask in asks:
        with pytest.raises(BudgetExceeded):
            ask()
    assert wire.calls == 0
