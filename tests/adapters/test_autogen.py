"""AutoGen 0.7 against the wire: every HTTP call one row, streams with their usage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from importlib.metadata import version
from typing import Any, ClassVar

import pytest

import finops_pack
from finops_pack.errors import BudgetExceeded
from finops_pack.model import Call, Usage
from finops_pack.testing import Reply, Wire

Calls = Callable[[], list[Call]]
pytestmark = pytest.mark.filterwarnings("ignore:Resolved model mismatch")
FULL = Usage(1000, 200, 600, reasoning_tokens=50)
CLAUDE = Usage(1000, 200, 600, 200, 100)


def said(text: str) -> list[Any]:
    from autogen_core.models import UserMessage

    return [UserMessage(content=text, source="user")]


async def consume(stream: Any) -> list[Any]:
    return [item async for item in stream]


def test_create_in_every_way_is_one_full_row_each(wire: Wire, client: Any, calls: Calls) -> None:
    async def work() -> None:
        await client.create(said("a"))
        await asyncio.gather(*(client.create(said("b")) for _ in range(3)))
        await asyncio.create_task(client.create(said("c")))

    asyncio.run(work())
    rows = calls()
    assert wire.calls == len(rows) == 5
    assert {row.usage == FULL for row in rows} == {True}
    assert {row.amount_usd for row in rows} == {Decimal("0.00375")}
    assert {(row.adapter, row.provider) for row in rows} == {("autogen", "openai")}
    assert all(row.served_model and row.response_id for row in rows)


def test_a_stream_left_half_way_is_counted_and_marked(
    wire: Wire, client: Any, calls: Calls
) -> None:
    async def half() -> None:
        stream = client.create_stream(said("a"))
        async for _ in stream:
            break
        await stream.aclose()

    asyncio.run(half())
    [row] = calls()
    assert row.usage_basis != "measured" or row.status != "ok"


@pytest.mark.skipif(
    version("anthropic") >= "2", reason="autogen-ext 0.7.5 cannot speak to anthropic 2"
)
@pytest.mark.filterwarnings("ignore:The model .* is deprecated")  # AutoGen knows no newer ones
def test_anthropic_cached_tokens_are_recovered(wire: Wire, calls: Calls) -> None:
    """AutoGen itself reports 100 of 1,000 input tokens, and none in streams."""
    from autogen_ext.models.anthropic import AnthropicChatCompletionClient

    claude = AnthropicChatCompletionClient(
        model="claude-sonnet-4-20250514", base_url=wire.url, api_key="none"
    )

    async def both() -> None:
        await claude.create(said("a"))
        await consume(claude.create_stream(said("b")))

    asyncio.run(both())
    whole, streamed = calls()
    assert whole.usage == streamed.usage == CLAUDE


@pytest.mark.skipif(
    version("anthropic") >= "2", reason="autogen-ext 0.7.5 cannot speak to anthropic 2"
)
@pytest.mark.filterwarnings("ignore:The model .* is deprecated")
def test_a_stream_of_claude_left_half_way_has_the_prompt_that_its_first_event_told(
    wire: Wire, calls: Calls
) -> None:
    from autogen_ext.models.anthropic import AnthropicChatCompletionClient

    claude = AnthropicChatCompletionClient(
        model="claude-sonnet-4-20250514", base_url=wire.url, api_key="none"
    )

    async def half() -> None:
        stream = claude.create_stream(said("a"))
        async for _ in stream:
            break
        await stream.aclose()

    asyncio.run(half())
    [row] = calls()
    assert (row.input_tokens, row.cache_read_tokens, row.usage_basis) == (1000, 600, "estimated")


def test_a_cache_hit_is_free_and_no_request(wire: Wire, client: Any, calls: Calls) -> None:
    from autogen_core import InMemoryStore
    from autogen_ext.models.cache import ChatCompletionCache

    cached = ChatCompletionCache(client, InMemoryStore())

    async def twice() -> None:
        await cached.create(said("a"))
        await cached.create(said("a"))

    asyncio.run(twice())
    paid, hit = calls()
    assert wire.calls == 1
    assert (paid.status, hit.status) == ("ok", "cache_hit")
    assert (hit.amount_usd, hit.reached_provider) == (0, False)


def test_an_error_is_one_row_with_its_type(wire: Wire, client: Any, calls: Calls) -> None:
    wire.script(Reply(status=400))
    with pytest.raises(Exception, match="scripted"):
        asyncio.run(client.create(said("a")))
    [row] = calls()
    assert (row.status, row.error_type, row.amount_usd) == ("error", "BadRequestError", 0)


def test_sdk_retries_are_attempts_of_one_call(wire: Wire, client: Any, calls: Calls) -> None:
    wire.script(Reply(status=429, headers={"retry-after-ms": "5"}), Reply())
    asyncio.run(client.create(said("a")))
    [row] = calls()
    assert (wire.calls, row.attempts, row.usage) == (2, 2, FULL)


def test_a_team_is_a_task_and_selector_calls_are_seen(
    wire: Wire, client: Any, calls: Calls
) -> None:
    """`models_usage` on the messages sees two of these four calls."""
    from autogen_agentchat.agents import AssistantAgent
    from autogen_agentchat.conditions import MaxMessageTermination
    from autogen_agentchat.teams import SelectorGroupChat

    writer = AssistantAgent("writer", client, description="writes")
    critic = AssistantAgent("critic", client, description="criticises")
    wire.script(
        Reply(text="writer"), Reply(text="a"), Reply(text="critic"), Reply(text="b"),
    )  # fmt: skip
    editor = AssistantAgent("editor", client, description="edits")
    team = SelectorGroupChat(
        [writer, critic, editor], client, termination_condition=MaxMessageTermination(3)
    )
    asyncio.run(team.run(task="go"))
    rows = calls()
    assert wire.calls == len(rows) == 4
    assert len({row.task for row in rows}) == 1
    assert rows[0].task is not None
    assert {row.agent for row in rows} >= {"writer", "critic"}


def test_the_users_task_and_action_win(wire: Wire, client: Any, calls: Calls) -> None:
    from autogen_agentchat.agents import AssistantAgent

    agent = AssistantAgent("writer", client)
    with finops_pack.task("ticket-1"), finops_pack.action("draft"):
        asyncio.run(agent.run(task="go"))
    [row] = calls()
    assert (row.task, row.action, row.agent) == ("ticket-1", "draft", "writer")


def test_streaming_agents_are_seen(wire: Wire, client: Any, calls: Calls) -> None:
    from autogen_agentchat.agents import AssistantAgent

    agent = AssistantAgent("writer", client, model_client_stream=True)
    asyncio.run(agent.run(task="go"))
    [row] = calls()
    assert (row.usage, row.agent) == (FULL, "writer")


def test_explicit_client_counts_once_with_auto_on(wire: Wire, client: Any, calls: Calls) -> None:
    from autogen_agentchat.agents import AssistantAgent

    from finops_pack.adapters.autogen import FinOpsClient

    agent = AssistantAgent("writer", FinOpsClient(client))
    asyncio.run(agent.run(task="go"))
    [row] = calls()
    assert (wire.calls, row.usage, row.agent) == (1, FULL, "writer")


def test_client_classes_made_later_are_seen(calls: Calls) -> None:
    from autogen_core.models import ChatCompletionClient, CreateResult, RequestUsage

    class Own(ChatCompletionClient):
        async def create(self, messages: Any, **_: Any) -> CreateResult:
            usage = RequestUsage(prompt_tokens=11, completion_tokens=3)
            return CreateResult(content="x", usage=usage, finish_reason="stop", cached=False)

    Own.__abstractmethods__ = frozenset()
    asyncio.run(Own().create(said("a")))
    [row] = calls()
    assert row.usage == Usage(11, 3)


@pytest.mark.parametrize(
    ("more", "tokens"),
    [({"max_completion_tokens": 20_000}, 20_000), ({"max_tokens": 90}, 90), ({}, 50)],
)
def test_a_budget_knows_how_long_an_answer_may_be(wire: Wire, more: Any, tokens: int) -> None:
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    server: Any = {"base_url": wire.openai_url, "api_key": "none", "max_tokens": 50}
    client = OpenAIChatCompletionClient(model="gpt-4o", **server)
    assert_bound(client, more, tokens * Decimal("10e-6"))
    assert_bound(client, {**more, "service_tier": "priority"}, tokens * Decimal("17e-6"))
    assert wire.calls == 0


def test_a_budget_knows_what_the_client_for_claude_sends_unless_told(wire: Wire) -> None:
    from autogen_ext.models.anthropic import AnthropicChatCompletionClient

    client = AnthropicChatCompletionClient(
        model="claude-sonnet-4-5", base_url=wire.url, api_key="none"
    )
    assert_bound(client, {}, 4096 * Decimal("15e-6"))
    assert wire.calls == 0


@pytest.mark.parametrize("server", ["AsyncAnthropicVertex", "AsyncAnthropicFoundry"])
def test_and_whoever_serves_claude(wire: Wire, server: str) -> None:
    import anthropic
    from autogen_core.models import ModelInfo
    from autogen_ext.models.anthropic import BaseAnthropicChatCompletionClient

    there: dict[str, Any] = {"base_url": wire.url, "region": "us-east5", "project_id": "p"}
    if server == "AsyncAnthropicFoundry":
        there = {"base_url": wire.url, "api_key": "none"}
    client = BaseAnthropicChatCompletionClient(
        getattr(anthropic, server)(**there),
        create_args={"model": "claude-sonnet-4-5"},
        model_info=ModelInfo(
            vision=False,
            function_calling=True,
            json_output=False,
            family="claude-4-sonnet",
            structured_output=False,
        ),
    )
    assert_bound(client, {}, 4096 * Decimal("15e-6"))
    assert wire.calls == 0


@pytest.mark.parametrize(
    ("kept", "more", "tokens"),
    [
        ({"options": {"num_predict": 50}}, {}, 50),
        ({"options": {"num_predict": 50}}, {"num_predict": 90}, 90),
        ({"num_predict": 50}, {"options": {"temperature": 0}}, 50),
    ],
)
def test_a_budget_knows_how_long_an_answer_of_ollama_may_be(
    kept: Any, more: Any, tokens: int
) -> None:
    from autogen_core.models import ChatCompletionClient

    class Ollama(ChatCompletionClient):
        """Keeps its arguments as AutoGen's client for Ollama does, which needs its package."""

        _create_args: ClassVar[Any] = {"model": "gpt-4o", **kept}  # a model with a price

        async def create(self, *_: Any, **__: Any) -> Any:
            raise AssertionError("it was asked")

    Ollama.__abstractmethods__ = frozenset()
    assert_bound(Ollama(), more, tokens * Decimal("10e-6"))


def assert_bound(client: Any, more: Any, output: Decimal) -> None:
    with finops_pack.task(budget="0.000001 USD/task"), pytest.raises(BudgetExceeded) as caught:
        asyncio.run(client.create(said("a"), extra_create_args=more))
    asked = caught.value.refusal.asked_usd
    assert asked is not None
    assert 0 < asked - output < Decimal("0.001")


@pytest.mark.parametrize("kind", ["team", "agent"])
def test_a_run_that_is_left_is_over_at_once(client: Any, kind: str) -> None:
    """AutoGen refuses to run a team again whose stream was not closed down to its bottom."""
    from contextlib import aclosing

    from autogen_agentchat.agents import AssistantAgent
    from autogen_agentchat.conditions import MaxMessageTermination
    from autogen_agentchat.teams import RoundRobinGroupChat

    async def twice() -> Any:
        one: Any = AssistantAgent("one", client)
        if kind == "team":
            one = RoundRobinGroupChat([one], termination_condition=MaxMessageTermination(2))
        async with aclosing(one.run_stream(task="go")) as stream:
            async for _ in stream:
                break
        return await one.run(task="again")

    assert len(asyncio.run(twice()).messages) == 2


def test_the_provider_of_a_client_in_a_client(wire: Wire, calls: Calls) -> None:
    from autogen_ext.models.cache import ChatCompletionCache
    from autogen_ext.models.openai import (
        AzureOpenAIChatCompletionClient,
        OpenAIChatCompletionClient,
    )

    from finops_pack.adapters.autogen import FinOpsClient

    there: Any = {"azure_endpoint": wire.url, "azure_deployment": "d", "api_version": "2024-10-21"}
    azure = AzureOpenAIChatCompletionClient(model="gpt-4o", api_key="none", **there)
    plain = OpenAIChatCompletionClient(model="gpt-4o", base_url=wire.openai_url, api_key="none")

    async def work() -> None:
        for inner in (azure, plain, ChatCompletionCache(plain)):
            await FinOpsClient(inner).create(said("a"))

    asyncio.run(work())
    told = [(row.provider, row.model) for row in calls()]
    assert told == [("azure", "gpt-4o"), ("openai", "gpt-4o"), ("openai", "gpt-4o")]


def test_a_base_url_tells_the_provider() -> None:
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    from finops_pack.adapters import _autogen_read

    client = OpenAIChatCompletionClient(
        model="gpt-4o", base_url="https://openrouter.ai/api/v1", api_key="none"
    )
    assert _autogen_read.provider(client) == "openrouter"
