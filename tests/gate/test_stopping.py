"""A refused budget stops each framework before the call: no HTTP, retries included."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from decimal import Decimal
from typing import Any

import pytest

os.environ.setdefault("CREWAI_DISABLE_TELEMETRY", "true")
os.environ.setdefault("OTEL_SDK_DISABLED", "true")

import finops_pack
from finops_pack import admin, recorder
from finops_pack.errors import BudgetExceeded, BudgetStop
from finops_pack.testing import Reply, Wire

pytestmark = pytest.mark.filterwarnings("ignore")
NOTHING_LEFT = "0.000001 USD/day"


@pytest.fixture(autouse=True)
def broke(empty_home: Any) -> finops_pack.Tracker:
    return finops_pack.track(budget=NOTHING_LEFT)


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


def test_a_hard_stop_reaches_the_crew_that_waits_for_a_tasks_thread(wire: Wire) -> None:
    from crewai import LLM

    finops_pack.track(budget=NOTHING_LEFT, stop="hard")
    waiting = crew(LLM(model="openai/gpt-4o", base_url=wire.openai_url, api_key="none"))
    waiting.tasks[-1].async_execution = True
    waiting.tasks = waiting.tasks[-1:]
    raised: list[BaseException] = []

    def run() -> None:
        try:
            waiting.kickoff()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20)
    assert [type(error) for error in raised] == [BudgetStop]
    assert wire.calls == 0


def crew(llm: Any) -> Any:
    from crewai import Agent, Crew, Task

    agent = Agent(role="r", goal="g", backstory="b", llm=llm)
    tasks = [Task(description="d", expected_output="e", agent=agent) for _ in range(2)]
    return Crew(agents=[agent], tasks=tasks)


def crew_llm(wire: Wire, **options: Any) -> Any:
    from crewai import LLM

    from finops_pack.adapters.crewai import end_well

    llm = LLM(model="openai/gpt-4o", base_url=wire.openai_url, api_key="none", max_tokens=100)
    return end_well(llm, **options)


def test_a_crew_ends_with_a_message_of_its_own(
    wire: Wire, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = crew(crew_llm(wire)).kickoff()
    assert "pairing mismatch" not in capsys.readouterr().out  # CrewAI's warning
    assert [task.raw.startswith("I stopped here because") for task in ended.tasks_output] == [
        True,
        True,
    ]
    later = asyncio.run(crew(crew_llm(wire, message="Out of money.")).akickoff())
    assert later.raw == "Out of money."
    assert wire.calls == 0


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


def autogen_client(wire: Wire, **options: Any) -> Any:
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    from finops_pack.adapters.autogen import end_well

    client = OpenAIChatCompletionClient(
        model="gpt-4o", base_url=wire.openai_url, api_key="none", max_tokens=100
    )
    return end_well(client, **options)


@pytest.mark.parametrize("stream", [False, True])
def test_autogen_agents_end_with_a_message_of_their_own(wire: Wire, stream: bool) -> None:
    from autogen_agentchat.agents import AssistantAgent
    from autogen_agentchat.conditions import TextMentionTermination
    from autogen_agentchat.teams import RoundRobinGroupChat

    def agent(name: str) -> Any:
        return AssistantAgent(name, autogen_client(wire), model_client_stream=stream)

    ended = asyncio.run(agent("a").run(task="go"))
    assert ended.messages[-1].content.startswith("I stopped here because the budget")
    team = RoundRobinGroupChat(
        [agent("a"), agent("b")], termination_condition=TextMentionTermination("budget")
    )
    ended = asyncio.run(team.run(task="go"))
    assert ended.messages[-1].source == "a"
    assert wire.calls == 0


ASK = "Sum up what you have found so far."


def ask_langchain(wire: Wire) -> str:
    from langchain.agents import create_agent

    from finops_pack.adapters.langchain_agents import BudgetMiddleware

    model = chat(wire, max_tokens=100)
    agent = create_agent(model, tools=[], middleware=[BudgetMiddleware(ask=ASK)])
    return agent.invoke({"messages": [("user", "hi")]})["messages"][-1].content


def ask_langchain_later(wire: Wire) -> str:
    from langchain.agents import create_agent

    from finops_pack.adapters.langchain_agents import BudgetMiddleware

    model = chat(wire, max_tokens=100)
    agent = create_agent(model, tools=[], middleware=[BudgetMiddleware(ask=ASK)])
    return asyncio.run(agent.ainvoke({"messages": [("user", "hi")]}))["messages"][-1].content


def ask_crewai(wire: Wire) -> str:
    return crew(crew_llm(wire, ask=ASK)).kickoff().tasks_output[0].raw


def ask_autogen(wire: Wire) -> str:
    from autogen_agentchat.agents import AssistantAgent

    agent = AssistantAgent("a", autogen_client(wire, ask=ASK))
    return asyncio.run(agent.run(task="go")).messages[-1].content


@pytest.mark.parametrize("way", [ask_langchain, ask_langchain_later, ask_crewai, ask_autogen])
def test_the_models_own_last_word_in_the_money_held_back(wire: Wire, way: Any) -> None:
    """All but what is held back is gone; one call is made, and it asks for the summary."""
    recorder.close()
    admin.set_budget(None, "0.004 USD/day", reserve_usd=Decimal("0.0039"))
    finops_pack.track(budget=[])
    wire.script(Reply(text="What I found."))
    assert way(wire) == "What I found."
    assert wire.calls == 1
    assert ASK in json.dumps(wire.requests[0].body["messages"])


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
