"""Frameworks that give attribution over the SDK's own accounting: one row a call, named."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any

import pytest

import finops_pack
from finops_pack.adapters import _caller
from finops_pack.model import Call, Usage
from finops_pack.testing import Wire

Calls = Callable[[], list[Call]]
FULL = Usage(1000, 200, 600, reasoning_tokens=50)
pytestmark = pytest.mark.filterwarnings("ignore")


def test_openai_agents(wire: Wire, calls: Calls) -> None:
    import openai
    from agents import Agent, OpenAIChatCompletionsModel, RunConfig, Runner, set_trace_processors

    set_trace_processors([])  # its default one would post to another host; ours stays
    client = openai.AsyncOpenAI(base_url=wire.openai_url, api_key="none")
    model = OpenAIChatCompletionsModel(model="gpt-4o", openai_client=client)
    agent = Agent(name="helper", instructions="i", model=model)
    asyncio.run(Runner.run(agent, "hi", run_config=RunConfig(workflow_name="flow")))
    [row] = calls()
    assert (row.usage, row.agent) == (FULL, "helper")
    assert row.task is not None
    assert row.task.startswith("trace_")


def test_pydantic_ai(wire: Wire, calls: Calls) -> None:
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(base_url=wire.openai_url, api_key="none")
    agent = Agent(OpenAIChatModel("gpt-4o", provider=provider), name="helper")
    with contextlib.closing(asyncio.new_event_loop()) as loop:  # else it leaves one open
        asyncio.set_event_loop(loop)
        agent.run_sync("hi")
        asyncio.set_event_loop(None)
    with finops_pack.task("mine"):
        asyncio.run(agent.run("hi"))
    first, second = calls()
    assert first.usage == second.usage == FULL
    assert (first.agent, second.agent, second.task) == ("helper", "helper", "mine")
    assert first.task is not None


def test_a_run_in_tasks_of_its_own_is_for_the_function_that_began_it(
    wire: Wire, calls: Calls
) -> None:
    """As on a server, whose loop runs with no function of the user's below."""
    import openai
    from agents import Agent, OpenAIChatCompletionsModel, Runner, set_trace_processors
    from pydantic_ai import Agent as Pydantic
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    set_trace_processors([])

    async def answer() -> None:
        client = openai.AsyncOpenAI(base_url=wire.openai_url, api_key="none")
        model = OpenAIChatCompletionsModel(model="gpt-4o", openai_client=client)
        await Runner.run(Agent(name="helper", model=model), "hi")
        provider = OpenAIProvider(openai_client=client)
        await Pydantic(OpenAIChatModel("gpt-4o", provider=provider)).run("hi")

    served = threading.Thread(target=asyncio.run, args=(answer(),))
    served.start()
    served.join()
    assert [row.action for row in calls()] == ["answer", "answer"]


def test_and_so_says_more_than_the_name_of_a_script() -> None:
    said: dict[str, Any] = {"name": _caller.name}
    code = "known, unknown = name(1, 'answer'), name(1)"
    exec(compile(code, "/home/me/script.py", "exec"), said)
    assert (said["known"], said["unknown"]) == ("answer", "script")


def test_agent_framework_names_the_agent(wire: Wire, calls: Calls) -> None:
    import openai
    from agent_framework import Agent, ChatResponse, Message

    class Client:
        """The smallest chat client: it asks the OpenAI SDK."""

        def __init__(self) -> None:
            self.additional_properties: dict[str, Any] = {}

        async def get_response(self, messages: Any, **_: Any) -> ChatResponse:
            sdk = openai.AsyncOpenAI(base_url=wire.openai_url, api_key="none")
            answer = await sdk.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "hi"}]
            )
            text = answer.choices[0].message.content or ""
            return ChatResponse(messages=[Message("assistant", [text])])

    asyncio.run(Agent(Client(), name="helper").run("hi"))  # type: ignore[arg-type]
    [row] = calls()
    assert (row.usage, row.agent) == (FULL, "helper")
    assert row.task is not None


def test_ag2_names_the_agent(wire: Wire, calls: Calls) -> None:
    """Its model here is scripted by ag2 itself; a tool of it asks the OpenAI SDK."""
    import openai
    from ag2 import Agent
    from ag2.events import ToolCallEvent
    from ag2.testing import TestConfig

    async def look_up() -> str:
        """Look it up."""
        sdk = openai.AsyncOpenAI(base_url=wire.openai_url, api_key="none")
        answer = await sdk.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "hi"}]
        )
        return answer.choices[0].message.content or ""

    async def turns() -> None:
        asks = ToolCallEvent(name="look_up", arguments="{}")
        agent = Agent("helper", config=TestConfig(asks, "done", asks, "done"), tools=[look_up])
        reply = await agent.ask("hi")
        await reply.ask("and then?")
        model = TestConfig(asks, "done")
        async with Agent("runner", config=model, tools=[look_up]).run("hi") as running:
            await look_up()
            await running.result()

    asyncio.run(turns())
    first, then, users, run = calls()
    assert [row.usage for row in (first, then, users, run)] == [FULL] * 4
    assert [row.agent for row in (first, then, users, run)] == ["helper", "helper", None, "runner"]
    assert users.task is None
    assert len({row.task for row in (first, then, users, run)}) == 4
